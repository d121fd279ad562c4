// Which column of a table is the label, which row its heading, which columns are features.
#include "tests/node/csv_tables.h"

namespace polydot::node {
namespace {

// Many values each once is no class; a column that only counts is neither.
TEST(CsvLabel, RowNumbersAreNoLabel) {
  std::string text = "id,x,kind\n";
  for (int i = 0; i < 90; ++i) text += fmt::format("{},{},{}\n", i + 1, 0.5 * i, i % 3);
  const auto data = read_one(text);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.classes(), 3);
  EXPECT_EQ(data->train.features(), 1);
  EXPECT_THAT(data->understood, HasSubstr("column 1 (id) only counts rows, left out"));
  EXPECT_THAT(data->understood, HasSubstr("label column 3 (kind)"));
  expect_refused(read_one(text, "id"), {"column 1 (id) has 90 different values", "--label"});
}

TEST(CsvLabel, IsAskedForWhereTwoCanBeIt) {
  std::string text;
  for (int i = 0; i < 90; ++i) text += fmt::format("{},{},{}\n", i % 3, 0.5 * i, i % 4);
  expect_refused(read_one(text), {"column 1 and column 3 can both be the label", "--label"});
  EXPECT_EQ(read_one(text, "1")->train.classes(), 3);
  EXPECT_EQ(read_one(text, "3")->train.classes(), 4);
  expect_refused(read_one(text, "4"), {"no column 4", "from 1 to 3"});
  expect_refused(read_one("kind,x,y\n" + text, "kinds"), {"no column kinds", "nearest: kind"});
}

TEST(CsvLabel, AHeadingIsWhatHasNoNumbers) {
  std::string rows;
  for (int i = 0; i < 60; ++i) rows += fmt::format("{},{},{}.5\n", i % 3, i, i);
  EXPECT_EQ(read_one(rows)->train.count() + read_one(rows)->test.count(), 60);
  EXPECT_EQ(read_one("\"k\",\"x\",\"y\"\n" + rows)->train.count(), read_one(rows)->train.count());
  expect_refused(read_one("0,1,o.5\n" + rows), {"line 1, column 3: 'o.5' is no number", "heading=yes"});
  const auto counted = read_one("0,1,2\n" + rows, "", "heading=yes");
  EXPECT_EQ(counted->train.count() + counted->test.count(), 60);
}

// Whatever programs write above tables: numbers, nothing, or one name among numbers.
TEST(CsvLabel, HeadingsOfNumbersAreNoSamples) {
  const auto rows = [](bool counted) {
    std::string text;
    for (int i = 0; i < 90; ++i)
      text +=
          fmt::format("{}{}.25,{}.5,{},{}\n", counted ? std::to_string(i) + "," : "", i % 7, i % 11, i % 13,
                      std::vector<std::string>{"cat", "dog", "eel"}[static_cast<std::size_t>(i % 3)]);
    return text;
  };
  for (const std::string heading : {"0,1,2,species", "2019,2020,2021,label", "a,b,c,d"}) {
    SCOPED_TRACE(heading);
    const auto data = read_one(heading + "\n" + rows(false));
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->inputs.classes, (std::vector<std::string>{"cat", "dog", "eel"}));
    EXPECT_EQ(data->train.count() + data->test.count(), 90);
  }
  for (const std::string heading :
       {"\"\",\"0\",\"1\",\"2\",\"label\"", ",0,1,2,3", "\"\",\"a\",\"b\",\"c\",\"d\""}) {
    SCOPED_TRACE(heading);
    const auto data = read_one(heading + "\n" + rows(true));
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->train.classes(), 3);
    EXPECT_EQ(data->train.features(), 3);
    EXPECT_EQ(data->train.count() + data->test.count(), 90);
  }
  // A class may be called so, too.
  std::string targets;
  for (int i = 0; i < 60; ++i)
    targets += fmt::format("{}.5,{},{}\n", i % 7, i % 11, i % 2 ? "decoy" : "target");
  const auto data = read_one(targets);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.count() + data->test.count(), 60);
  expect_refused(read_one("2019,2020,2021,country\n" + rows(false)),
                 {"line 1 ('2019', '2020', ..) has no decimals, as the next has", "heading=yes"});
  EXPECT_EQ(read_one("2019,2020,2021,country\n" + rows(false), "", "heading=yes")->train.classes(), 3);
}

TEST(CsvLabel, AFewNumbersThatCountMayBeAHeading) {
  std::string rows;
  for (int i = 0; i < 60; ++i)
    rows += fmt::format("{}.25,{}.5,{}.75,{}\n", i % 7, i % 11, i % 5, 10 * (i % 3));
  EXPECT_EQ(read_one("0,1,2,3\n" + rows, "4")->train.classes(), 3) << "decimals below say so";
  expect_refused(read_one("2010,2015,2020,30\n" + rows, "4"),
                 {"line 1 ('2010', '2015', ..) has no decimals, as the next has: a heading, or a sample?"});
  std::string whole;
  for (int i = 0; i < 60; ++i) whole += fmt::format("{},{},{},{}\n", i % 7, i % 11, i % 5, 10 * (i % 3));
  expect_refused(read_one("0,1,2,3\n" + whole, "4"),
                 {"line 1 ('0', '1', ..) counts: a heading, or a sample?"});
  EXPECT_EQ(read_one("0,1,2,3\n" + whole, "4", "heading=yes")->train.classes(), 3);
}

TEST(CsvLabel, TextIsNotAlwaysTheLabel) {
  std::string survivors = "Sex,Age,Bought\n", people = "name,a,rest\n";
  for (int i = 0; i < 60; ++i) {
    survivors += fmt::format("{},{}.5,{}\n", i % 3 ? "male" : "female", i, i % 2);
    people += fmt::format("person{},{}.5,{}.5\n", i / 2, i, i);
  }
  expect_refused(read_one(survivors), {"column 1 (Sex) and column 3 (Bought) can both be the label"});
  expect_refused(read_one(people), {"column 1 (name) holds text", "with many values"});
  // More classes than most have is no reason to take the other column.
  std::string many;
  for (int i = 0; i < 400; ++i) many += fmt::format("{},{}.5,{}\n", i * 7 % 130, i, i % 4);
  expect_refused(read_one(many), {"column 1 and column 3 can both be the label"});
}

TEST(CsvLabel, CodesStayApart) {
  const auto data =
      read_two("010,1\n10,2\n10.0,3\n+10,3\n12345678901234567,1\n12345678901234568,2\n", "10,3\n");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.classes(), 4);
}

TEST(CsvLabel, NamesThatSayLessAreBelievedLess) {
  std::string rows;
  for (int i = 0; i < 60; ++i) rows += fmt::format("{}.5,{},{}\n", i % 9, i % 6, i % 2);
  EXPECT_EQ(read_one("x,y,label\n" + rows)->train.classes(), 2);
  // y is a coordinate beside x.
  const auto cluster = read_one("x,y,cluster\n" + rows);
  ASSERT_TRUE(cluster.ok()) << cluster.failure().message;
  EXPECT_THAT(cluster->understood, HasSubstr("label column 3 (cluster)"));
}

TEST(CsvLabel, WhatOnlyCountsRowsIsLeftOutWhereverItIs) {
  std::string text = "kind,a,b,Id\n";
  for (int i = 0; i < 90; ++i) text += fmt::format("{},{},{},{}\n", i / 30, i % 7, i % 11, 2 * i + 1);
  const auto data = read_one(text, "kind");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.features(), 2);
  EXPECT_THAT(data->understood, HasSubstr("column 4 (Id) only counts rows"));
  EXPECT_EQ(read_one(text, "kind", "counters=keep")->train.features(), 3);
}

TEST(CsvLabel, ANameThatIsANumberOfAnotherColumnIsRefused) {
  std::string text = "label,0,1,2\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("{},{},{},{}\n", i % 2, i % 5, i % 7, i % 9);
  expect_refused(read_one(text, "1", "heading=yes"),
                 {"1 is column 3 (1), and the number of column 1 (label)"});
}

// What is around the samples is neither first nor last.
TEST(CsvLabel, FirstAndLastAreColumnsOfSamples) {
  std::string trailing, leading, indexed, numbered;
  for (int i = 0; i < 120; ++i) {
    trailing += fmt::format("{};{}.5;{};\n", 20 + i % 9, i % 50, i % 2);
    leading += fmt::format(";{};{}.5;{}\n", i % 3, i, i % 2);
    indexed += fmt::format("{},{},{}.5,{}\n", i, i % 2, i % 50, i % 4);
    numbered += fmt::format("{};{};{}.5;{}\n", 1000 + i * 7, i % 2, i % 50, i + 1);
  }
  expect_refused(read_one("age;weight;result;\n" + trailing),
                 {"column 1 (age) and column 3 (result) can both be the label"});
  expect_refused(read_one(";grade;x;flag\n" + leading),
                 {"column 2 (grade) and column 4 (flag) can both be the label"});
  expect_refused(read_one(",Bought,Age,Parch\n" + indexed),
                 {"column 2 (Bought) and column 4 (Parch) can both be the label"});
  const auto data = read_one("id;result;x;n\n" + numbered);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_THAT(data->understood, HasSubstr("label column 2 (result), 2 classes"));
  EXPECT_EQ(data->train.features(), 1);
  // Texts of a column in the middle are read whatever is in it.
  std::string mixed = "x,grade,z\n";
  for (int i = 0; i < 60; ++i) mixed += fmt::format("{}.5,{},{}\n", i, i % 3 ? "7" : "7a", i % 11);
  EXPECT_EQ(read_one(mixed, "grade")->inputs.classes, (std::vector<std::string>{"7", "7a"}));
}

TEST(CsvLabel, ATextDoesNotOutdoANumberThatCanBeTheLabel) {
  std::string titanic = "Bought,Pclass,Sex,Age\n", missing = "Sex,Age,Bought\n";
  for (int i = 0; i < 120; ++i) {
    titanic += fmt::format("{},{},{},{}.5\n", i % 2, 1 + i % 3, i % 5 ? "male" : "female", i);
    missing += fmt::format("{},{}.5,{}\n", i % 5 ? "male" : "female", i, i == 7 ? "" : std::to_string(i % 2));
  }
  expect_refused(read_one(titanic), {"column 1 (Bought) and column 3 (Sex) can both be the label"});
  expect_refused(read_one(missing, "", "missing=fill"),
                 {"column 1 (Sex) and column 3 (Bought) can both be the label"});
}

TEST(CsvLabel, ATextInLastPlaceNeither) {
  std::string ports = "bought,age,port\n", dates = "date,room,temp\n", lat = "lat,y,kind\n";
  for (int i = 0; i < 120; ++i) {
    ports += fmt::format("{},{},{}\n", i % 2, i % 50 + 0.5, i % 3 ? "C" : "S");
    dates += fmt::format("2021-03-{:02},{}.5,{}.5\n", 1 + i % 20, i, i % 9);
    lat += fmt::format("{}.9,{}.4,{}\n", i % 30, i % 9, i % 2);
  }
  expect_refused(read_one(ports), {"column 1 (bought) and column 3 (port) can both be the label"});
  expect_refused(read_one(dates), {"column 1 (date) holds text", "such as dates"});
  expect_refused(read_one(lat), {"column 2 (y) holds decimals, and no classes"});
}

TEST(CsvLabel, NumbersOfRowsHaveManyNames) {
  for (const std::string name : {"SampleID", "PassengerId", "customer_id", "id", "Unnamed: 0.1"}) {
    std::string text = name + ",x,group\n";
    for (int i = 0; i < 60; ++i)
      text += fmt::format("{},{}.5,{}\n", i * 3 + i % 2, i % 11, i < 30 ? "A" : "B");
    EXPECT_THAT(read_one(text)->understood, HasSubstr("column 1 (" + name + ") only counts rows")) << name;
  }
  std::string oxide = "NO,grid,group\n", tiny = "id,x,group\n";
  for (int i = 0; i < 60; ++i)
    oxide += fmt::format("{},{},{}\n", 200 + i * 37 % 60, i * 17 % 60 + 5, i % 2 ? "A" : "B");
  for (int i = 0; i < 8; ++i) tiny += fmt::format("{},{}.5,{}\n", i + 1, i % 3, i < 4 ? "A" : "B");
  EXPECT_EQ(read_one(oxide)->train.features(), 2);
  oxide.replace(0, 7, "COVID,PAID");
  EXPECT_EQ(read_one(oxide)->train.features(), 2);
  EXPECT_EQ(read_one(tiny)->train.features(), 1);
}

TEST(CsvLabel, ThePartsMayHaveItInDifferentPlaces) {
  std::string train = "kind,x,z\n", test = "x,kind,z\n";
  for (int i = 0; i < 60; ++i) {
    train += fmt::format("{},{}.5,{}.25\n", 3 + i % 2, i % 9, i);
    test += fmt::format("{}.5,{},{}.25\n", i % 9, 3 + i % 2, i);
  }
  for (const std::string label : {"kind", "1", ""}) {
    const auto data = read_two(train, test, label);
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->inputs.classes, (std::vector<std::string>{"3", "4"}));
    EXPECT_EQ(inputs_of(data->train), inputs_of(data->test));
  }
  expect_refused(read_two(train, "x,z\n1.5,2.25\n", "kind"),
                 {"test.csv: no column 'kind', which train.csv has", "without labels"});
}

// Classes may be called as labels are; rows may count.
TEST(CsvLabel, SamplesThatLookLikeHeadings) {
  std::string answers, trailing, ranks;
  for (int i = 0; i < 120; ++i) {
    answers += fmt::format("{},{},{}\n", i % 3, i % 3 + 1, i % 2 ? "n" : "y");
    trailing += fmt::format("{};{};{};{};\n", 1 + i % 5, 2 + i % 7, 3 + i % 3, i % 2 ? "B" : "A");
    for (int k = 0; k < 8; ++k) ranks += fmt::format("{},", 1 + (k + i) % 8);
    ranks += i % 2 ? "b\n" : "a\n";
  }
  expect_refused(read_one(answers), {"line 1: 'y' may be the name of the label, or a class", "heading=yes"});
  EXPECT_EQ(read_one(answers, "3", "heading=no")->train.classes(), 2);
  expect_refused(read_one("?,y\n3,n\n4,n\n5,y\n"), {"line 1: 'y' may be the name of the label"});
  for (const auto& [rows, label] : {std::pair{trailing, "4"}, {ranks, "9"}}) {
    const auto data = read_one(rows, label);
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->train.count() + data->test.count(), 120);
  }
  std::string numbers = "0,1,2,3,4,5,6,7\n";
  const std::string decimals = numbers;
  for (int i = 0; i < 60; ++i) numbers += fmt::format("{},1,5,3,2,1,4,{}\n", i % 5, i % 2);
  expect_refused(read_one(numbers, "8"), {"line 1 ('0', '1', ..) counts: a heading, or a sample?"});
  EXPECT_EQ(read_one(numbers, "8", "heading=yes")->train.classes(), 2);
  std::string below = decimals;
  for (int i = 0; i < 60; ++i) below += fmt::format("{}.5,1,5,3,2,1,4,{}\n", i % 5, i % 2);
  EXPECT_EQ(read_one(below, "8")->train.classes(), 2);
}

TEST(CsvLabel, AFirstColumnOfNamesIsNoFeature) {
  std::string text = "\"\",\"mpg\",\"am\"\n";
  for (int i = 0; i < 60; ++i) text += fmt::format("\"Car {}\",{}.5,{}\n", i, i % 9, i % 2);
  const auto data = read_one(text);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_THAT(data->understood, HasSubstr("label column 3 (am)"));
  EXPECT_THAT(data->understood, HasSubstr("column 1 names the rows, left out"));
}

TEST(CsvLabel, MinusZeroIsZero) {
  EXPECT_EQ(read_one("label,x\n-0,1\n0,2\n1,3\n0,4\n", "label")->inputs.classes,
            (std::vector<std::string>{"0", "1"}));
}

}  // namespace
}  // namespace polydot::node
