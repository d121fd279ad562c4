// Tables that are refused, with what to do; and tables for models that are there.
#include "node/tables/csv_cell.h"
#include "node/tables/text_decoder.h"
#include "tests/node/csv_tables.h"

namespace polydot::node {
namespace {

// As from regions where others go on with points.
TEST(BadCsv, DecimalCommasThatComeLateAreNamed) {
  std::string text = "x;y;label\n";
  for (int i = 0; i < 100; ++i) text += fmt::format("{};{};{}\n", i % 9, i % 5, i % 2);
  text += "5,5;3;1\n";
  expect_refused(read_one(text), {"line 102, column 1 (x)", "'5,5' is no number", "decimal=comma"});
  EXPECT_TRUE(read_one(text, "", "decimal=comma").ok());
}

TEST(BadCsv, ThousandsOrDecimals) {
  std::string text = "salary;age;label\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("{};{};{}\n", i % 2 ? "500" : "1,096", i % 9, i % 3);
  expect_refused(read_one(text), {"'1,096': thousands or decimals?", "decimal=comma"});
  EXPECT_TRUE(read_one(text, "", "decimal=comma").ok());
  std::string quoted = "\"a\";\"b\"\n", dots = "salary;age;label\n", thrice = "salary;age;label\n";
  for (int i = 0; i < 60; ++i) {
    quoted += fmt::format("\"{},5\";\"{}\"\n", i % 9, i % 2);
    dots += fmt::format("{};{};{}\n", i % 2 ? "987" : "1.234", i % 9, i % 3);
    thrice += fmt::format("{};{};{}\n", i % 2 ? "987" : "1,234,567", i % 9, i % 3);
  }
  EXPECT_TRUE(read_one(quoted, "b").ok()) << read_one(quoted, "b").failure().message;
  expect_refused(read_one(dots),
                 {"line 2, column 1 (salary): '1.234': thousands or decimals", "decimal=point"});
  EXPECT_TRUE(read_one(dots, "", "decimal=point").ok());
  EXPECT_TRUE(read_one(dots + "5.25;1;0\n").ok()) << "another number of decimals says what the point is";
  expect_refused(read_one(thrice),
                 {"line 2, column 1 (salary): '1,234,567'", "take the commas between its digits"});
  EXPECT_FALSE(may_be_thousands("0,123", ','));
  EXPECT_FALSE(may_be_thousands("1,09", ','));
}

// A heading longer than what is looked at before.
TEST(BadCsv, WideTables) {
  std::string heading = "label", row;
  for (int c = 0; c < 40'000; ++c)
    heading += fmt::format("\tgene_{:06}", c), row += fmt::format("\t{}", c % 7);
  const auto data = read_one(heading + "\n1" + row + "\n2" + row + "\n1" + row + "\n2" + row + "\n");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.features(), 40'000);
}

TEST(BadCsv, ASeparatorLineThatNamesNone) {
  std::string text = "sep=\r\na;label\r\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("{},5;{}\r\n", i % 9, i % 3);
  EXPECT_TRUE(read_one(text).ok()) << read_one(text).failure().message;
}

// As spreadsheets write them.
TEST(BadCsv, WhatIsOnlyAroundTheTable) {
  std::string text = "sep=;\na;label;\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("{},5;{};\n", i % 9, i % 3);
  const auto data = read_one(text + ";;\n;;\n");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.count() + data->test.count(), 60);
  EXPECT_EQ(data->train.features(), 1);
  EXPECT_THAT(data->understood, HasSubstr("column 3 is empty, left out"));
}

TEST(BadCsv, WhatIsNoTableIsNamed) {
  using namespace std::string_literals;
  for (const auto& [bytes, what] :
       {std::pair{"PK\x03\x04\x14\0\0"s, "zip archive or a spreadsheet"},
        {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s, "spreadsheet (.xls)"},
        {"\x93NUMPY\x01\0"s, "NumPy"},
        {"PAR1\x15\0"s, "Parquet"},
        {"BZh91AY&SY\x01"s, "bzip2"},
        {"\x28\xB5\x2F\xFD\x04"s, "zstd"},
        {"\xFD"
         "7zXZ\0"s,
         "xz"},
        {"\0\0\x08\x03\0\0"s, "is an IDX file: give its folder, and --dataset idx"}})
    expect_refused(read_one(bytes), {"set.csv", what});
  std::string named = "PAR1,BZh,label\n";
  for (int i = 0; i < 60; ++i) named += fmt::format("{}.5,{},{}\n", i % 9, i % 7, i % 2);
  EXPECT_TRUE(read_one(named).ok()) << "text may begin as those files do";
  expect_refused(read_one("Measured in May\na,b,label\n1,2,0\n3,4,1\n"),
                 {"line 1: 'Measured in May' stands alone above cells", "title"});
}

TEST(BadCsv, OtherFormatsOfTextAreNamed) {
  for (const auto& [text, what] : {std::pair<std::string, std::string>{"{\"a\": 1}\n{\"a\": 2}\n", "is JSON"},
                                   {"[{\"a\": 1},\n{\"a\": 2}]\n", "is JSON"},
                                   {"<table><tr>\n", "HTML or XML"},
                                   {"@RELATION iris\n@ATTRIBUTE a NUMERIC\n", "is ARFF"},
                                   {"% from somewhere\n@RELATION iris\n", "ARFF"},
                                   {"+1 1:0.93 4:0.29\n-1 2:0.5\n", "LIBSVM"},
                                   {"# a b label\n1.5 2.5 0\n", "begins with '#'"},
                                   {"Series 7;;\na;b;label\n1;2;0\n", "'Series 7' stands alone above cells"}})
    expect_data_failure(read_one(text), {"set.csv", what});
  std::string marks = "<30,{1},@a,label\n";
  for (int i = 0; i < 60; ++i) marks += fmt::format("{},{}.5,{},{}\n", i % 7, i, i % 9, i % 2);
  for (const std::string first : {"", "%", "@", "<"})
    EXPECT_TRUE(read_one(first + marks).ok()) << read_one(first + marks).failure().message;
  EXPECT_TRUE(read_one("#,a,label\n1,5,0\n2,6,1\n3,5,0\n4,1,1\n").ok()) << "a column may be called so";
}

TEST(BadCsv, NumbersOfTwoWritings) {
  std::string text = "people;margin;label\n", decimals = "a;b;kind\n";
  for (int i = 0; i < 60; ++i) {
    text += fmt::format("{}.118;0,{:02};{}\n", 9 + i, 1 + i, i % 2 ? "A" : "B");
    decimals += fmt::format("{},5;1.{};{}\n", i, i, i % 2 ? "u" : "v");
  }
  expect_refused(read_one(text),
                 {"column 1 (people): '9.118' is no number: take the points between its digits out"});
  expect_refused(read_one(decimals), {"'0,5' is no number: say --csv decimal=comma"});
}

TEST(BadCsv, LabelsThatAreWrittenInAnotherWay) {
  expect_refused(read_two("label,x\nTrue,1\nFalse,2\n", "label,x\n1,1\n0,2\n", "label"),
                 {"test.csv", "none of its labels is one of the training part"});
}

TEST(BadCsv, BlanksBetweenDecimalCommas) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += fmt::format("{},5 {}\n", i % 7, i % 2);
  const auto data = read_one(text, "2");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->inputs.classes, (std::vector<std::string>{"0", "1"}));
  EXPECT_THAT(data->understood, HasSubstr("space"));
}

TEST(BadCsv, TextInTheTestPart) {
  const std::string train = "label,a,b\nu,1,2\nv,3,4\nu,5,7\n";
  expect_refused(read_two(train, "label,a,b\nu,1,oops\n", "label"),
                 {"test.csv", "line 2, column 3 (b)", "'oops'"});
  EXPECT_THAT(read_two(train, "label,a,b\nw,1,2\nu,1,2\n", "label")->understood,
              HasSubstr("never in the training part: w"));
}

// Two names must never become one: bytes that are no UTF-8 and not in Windows-1252 either.
TEST(BadCsv, TextsOfUnknownEncodings) {
  std::string text = "label,x\n";
  const std::string names[] = {"\x90\xD4", "\x90\xC2", "\x97\xCE"};  // red, blue, green in Shift JIS
  for (int i = 0; i < 60; ++i) text += names[i % 3] + fmt::format(",{}\n", i % 11);
  expect_refused(read_one(text), {"is no text in UTF-8 or Latin 1", "encoding="});
  const auto known = read_one(text, "", "encoding=cp932");
  ASSERT_TRUE(known.ok()) << known.failure().message;
  EXPECT_EQ(known->train.classes(), 3);
  expect_refused(read_one("label,x\nfran\xE7"
                          "ais,1\nenglish,2\n",
                          "label", "encoding=utf-8"),
                 {"is no text in UTF-8"});
  for (const std::string& half :
       {std::string("\xED\xA0\xBD"), std::string("\xC0\xAF"), std::string("\xE0\x80\xAF")})
    EXPECT_FALSE(is_utf8(half));
}

TEST(BadCsv, ZeroBytesAreNoText) {
  expect_refused(read_one(std::string("0,1\n\0\0,2\n", 11), "1"), {"zero bytes"});
}

TEST(CsvCell, NumbersOfAllSizes) {
  EXPECT_EQ(read_cell("1e-400", '.').value, 0.0);
  EXPECT_TRUE(read_cell("1e-400", '.').is_number());
  EXPECT_TRUE(read_cell("1e400", '.').is_text());
  EXPECT_EQ(read_cell(" +3,5 ", ',').value, 3.5);
  EXPECT_TRUE(read_cell("1.234,5", ',').is_text()) << "thousands are not guessed";
  EXPECT_EQ(read_cell("TRUE", '.').value, 1.0);
  EXPECT_TRUE(read_cell("N/A", '.').is_missing());
  EXPECT_TRUE(read_cell("infinity", '.').is_text());
}

TEST(CsvForModel, TakesTheWholeFileByTheModelsColumns) {
  const ScratchFolder folder;
  std::string text = "species,id,length,width\n";
  for (int i = 0; i < 60; ++i)
    text += fmt::format("{},{},{},{}\n", i % 2 ? "b" : "a", i * i % 50, 1.5 * (i % 7), i % 11);
  write_text(folder / "train.csv", text);
  const auto data = read_csv(source_at(folder / "train.csv"));
  ASSERT_TRUE(data.ok()) << data.failure().message;
  // Five rows, one class, other places, whole numbers only.
  write_text(folder / "few.csv", "width,length,id,species\n1,2,0,b\n2,3,0,b\n3,4,9,b\n4,5,0,b\n5,6,1,b\n");
  const auto few = read_csv_for(data->inputs, source_at(folder / "few.csv"));
  ASSERT_TRUE(few.ok()) << few.failure().message;
  EXPECT_EQ(few->count(), 5);
  EXPECT_EQ(labels_in(*few), (Labels{1, 1, 1, 1, 1}));
  const Eigen::MatrixXf x = inputs_of(*few);
  EXPECT_EQ(x(2, 4), static_cast<float>(data->inputs.input(5, 2)));
  EXPECT_EQ(x(1, 4), static_cast<float>(data->inputs.input(6, 1)));

  write_text(folder / "other.csv", "species,length,width\nb,1,2\n");
  const auto other = read_csv_for(data->inputs, source_at(folder / "other.csv"));
  expect_data_failure(other, {"other.csv", "no column 'id' in the heading"});
  write_text(folder / "new.csv", "species,id,length,width\nc,1,2,3\n");
  expect_data_failure(read_csv_for(data->inputs, source_at(folder / "new.csv")),
                      {"new.csv", "line 2", "'c' is none of the 2 classes"});
}

TEST(BadCsv, MissingPath) {
  expect_data_failure(read_csv(source_at("/nowhere/set.csv")), {"/nowhere/set.csv", "no such file"});
}

TEST(BadCsv, FolderWithoutItsFiles) {
  const ScratchFolder folder;
  expect_data_failure(read_csv(source_at(folder.path())),
                      {folder.path().string(), "no train.csv or train.csv.gz"});
  write_text(folder / "train.csv", "0,1\n1,2\n");
  expect_data_failure(read_csv(source_at(folder.path())), {"no test.csv"});
}

TEST(BadCsv, NoSamples) {
  expect_data_failure(read_one(""), {"set.csv", "holds no samples"});
  expect_data_failure(read_one("label,x\n"), {"set.csv", "holds no samples"});
  expect_data_failure(read_two("0,1\n1,1\n", "\n"), {"test.csv", "holds no samples"});
}

TEST(BadCsv, NotANumber) {
  expect_data_failure(read_one("0,1,2\n0,3,x1\n1,2,3\n", "1"), {"set.csv", "line 2, column 3", "'x1'"});
  expect_data_failure(read_one("l,a,b\n0,1,2\n0,abc,3\n", "l"), {"line 3, column 2 (a)", "'abc'"});
  expect_data_failure(read_one("0,1,2\n0,0x10,2\n", "1"), {"line 2, column 2", "'0x10'"});
  expect_data_failure(read_one("0,1,2\n\n1,1 2,2\n", "1"), {"line 3, column 2", "'1 2'"});
  for (const std::string cell : {"inf", "-inf", "1e31", "1e999"})
    expect_data_failure(read_one("0,1,2\n1," + cell + ",3\n", "1"),
                        {"line 2, column 2", cell, "not a finite number"});
}

TEST(BadCsv, CellsAreQuotedShortAndOnOneLine) {
  const std::string binary = std::string("\x01\x7f", 2) + std::string(5000, 'z');
  const Result<DataPair> data = read_one("0,1,2\n1," + binary + ",3\n", "1");
  expect_data_failure(data, {"line 2, column 2", "zzz"});
  EXPECT_LT(data.failure().message.size(), 250u);
}

TEST(BadCsv, RaggedLine) {
  expect_data_failure(read_one("0,1,2\n1,2\n", "1"), {"line 2 has 2 columns", "the first one has 3"});
  expect_data_failure(read_one("l,a\n1,2\n1,2,3\n", "l"), {"line 3 has 3 columns", "the first one has 2"});
}

TEST(BadCsv, OneColumn) { expect_data_failure(read_one("0\n1\n2\n"), {"line 1 has one column", "a comma"}); }

TEST(BadCsv, AHeadingWithoutANameForOneOfItsColumns) {
  std::string rows, behind;
  for (int i = 0; i < 60; ++i) {
    rows += fmt::format("{},{},{}\n", i % 7, i % 9, i % 2);
    behind += fmt::format("{},{},\n", i % 7, i % 2);
  }
  expect_data_failure(read_one("a,label\n" + rows), {"names 2 of 3 columns", "does not look like names"});
  // A delimiter more at the end of the samples, or of the heading, is none of a column.
  for (const std::string& text : {"a,label\n" + behind, "a,b,label,\n" + rows}) {
    const auto data = read_one(text);
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->train.classes(), 2);
  }
  std::string measured = "length,width\n", subset = "RI Na Type\n";
  for (int i = 0; i < 60; ++i) {
    measured += fmt::format("{}.{},{},{}\n", i, i, i % 9, i % 2 ? "u" : "v");
    subset += fmt::format("{} {}.5 {} {}\n", 3 * i + i % 2, i % 7, i % 9, i % 2);
  }
  expect_data_failure(read_one(measured, "3"), {"names 2 of 3 columns", "add the missing name"});
  EXPECT_THAT(read_one(subset, "Type")->inputs.columns, testing::ElementsAre("RI", "Na"));
}

TEST(BadCsv, QuotesThatDoNotClose) {
  expect_data_failure(read_one("a,\"b\n1,2\n3,4\n", "1"), {"set.csv", "quote"});
  expect_data_failure(read_one("a,b\"c\n1,2\n3,4\n", "1"), {"set.csv", "line 1", "quote"});
}

TEST(BadCsv, OneClass) { expect_data_failure(read_two("0,1\n0,2\n", "0,3\n"), {"train.csv", "two classes"}); }

TEST(BadCsv, PartsOfDifferentWidth) {
  expect_data_failure(read_two("0,1\n1,2\n", "0,3,4\n"), {"test.csv", "3 columns", "train.csv has 2"});
}

TEST(BadCsv, TextInTwoColumns) {
  std::string text = "name,kind,x\n";
  for (int i = 0; i < 40; ++i) text += fmt::format("n{},{},{}\n", i, i % 2 ? "u" : "v", i);
  expect_refused(read_one(text), {"column 1 (name), column 2 (kind) hold text", "--label"});
  expect_refused(read_one(text, "kind"), {"column 1 (name): 'n0' is no number", "leave the column out"});
}

TEST(BadCsv, TruncatedCompressedFile) {
  const ScratchFolder folder;
  std::string text;
  for (int i = 0; i < 500; ++i) text += fmt::format("{},{}\n", i % 10, i * 7919 % 256);
  write_gzip(folder / "whole.gz", text);
  const std::string bytes = read_text(folder / "whole.gz");
  write_text(folder / "set.csv", bytes.substr(0, bytes.size() / 2));
  expect_data_failure(read_csv(source_at(folder / "set.csv", "1")), {"set.csv", "damaged or cut short"});
}

TEST(CsvOptions, WhatIsWrongIsNamed) {
  for (const auto& [text, part] : {std::pair<std::string, std::string>{"delimter=;", "nearest: delimiter"},
                                   {"heading=perhaps", "yes or no"},
                                   {"scale=all", "columns or pixels"},
                                   {"split=-1", "whole number"},
                                   {"delimiter=", "one character"}}) {
    const auto options = parse_csv_options(text, "");
    ASSERT_FALSE(options.ok()) << text;
    EXPECT_EQ(options.failure().kind, FailureKind::kUsage);
    EXPECT_THAT(options.failure().message, HasSubstr(part));
  }
  EXPECT_EQ(parse_csv_options("delimiter=tab heading=no", "")->delimiter, CsvDelimiter{'\t'});
  EXPECT_EQ(parse_csv_options("delimiter=blanks", "")->delimiter, (CsvDelimiter{' ', true}));
  EXPECT_EQ(read_one("0,1\n1,2\n", "1", "encoding=klingon").failure().kind, FailureKind::kUsage);
}

}  // namespace
}  // namespace polydot::node
