/* Preloaded: names of hosts are looked up in the file $POLYDOT_TEST_HOSTS, lines of "NAME ADDRESS"; what is no name
   there and no number is not known. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*Lookup)(const char*, const char*, const struct addrinfo*, struct addrinfo**);

int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
  Lookup next = (Lookup)dlsym(RTLD_NEXT, "getaddrinfo");
  if (name == NULL || strspn(name, "0123456789.") == strlen(name)) return next(name, service, hints, found);
  char line_name[256], address[256];
  FILE* file = fopen(getenv("POLYDOT_TEST_HOSTS"), "r");
  int known = 0;
  while (file != NULL && !known && fscanf(file, "%255s %255s", line_name, address) == 2)
    known = strcmp(line_name, name) == 0;
  if (file != NULL) fclose(file);
  return known ? next(address, service, hints, found) : EAI_AGAIN;
}
