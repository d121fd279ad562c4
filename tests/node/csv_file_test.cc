// Tables as data sets: what the network gets of them.
#include <cmath>

#include "tests/node/csv_tables.h"

namespace polydot::node {
namespace {

// Rows of a plain table: class, then features of different kinds and scales.
struct Row {
  int kind = 0;  // 0, 1, 2
  double length = 0;
  int count = 0;
  double weight = 0;
  int flag = 0;
};
std::vector<Row> made_up(int rows) {
  std::vector<Row> table;
  for (int i = 0; i < rows; ++i) {
    const int kind = i * 7 % 3;
    table.push_back({kind, 1.5 + kind + 0.01 * (i % 37), 100 * kind + i % 91,
                     1e6 + 1000.0 * kind + 0.25 * (i % 53), i % 5 == 0});
  }
  return table;
}
constexpr const char* kKinds[] = {"Iris setosa", "Iris versicolor", "Iris virginica"};

struct Style {
  std::string name;
  char delimiter = ',';
  bool heading = true, quotes = false, decimal_comma = false, strings = false, label_last = false,
       sorted = false, row_numbers = false;
  std::string end = "\n", mark{};
  std::string label{}, csv{};
};

std::string written(std::vector<Row> table, const Style& style) {
  const auto number = [&](double value) {
    std::string text = fmt::format("{}", value);
    if (style.decimal_comma) std::replace(text.begin(), text.end(), '.', ',');
    return text;
  };
  const auto cell = [&](const std::string& text) { return style.quotes ? "\"" + text + "\"" : text; };
  const auto line = [&](std::vector<std::string> cells, const std::string& number_of_row) {
    if (style.label_last) std::rotate(cells.begin(), cells.begin() + 1, cells.end());
    if (style.row_numbers) cells.insert(cells.begin(), number_of_row);
    std::string text;
    for (const std::string& one : cells) text += (text.empty() ? "" : std::string(1, style.delimiter)) + one;
    return text + style.end;
  };
  if (style.sorted)
    std::stable_sort(table.begin(), table.end(), [](const Row& a, const Row& b) { return a.kind < b.kind; });
  std::string text = style.mark;
  if (style.heading)
    text += line({cell("kind"), cell("length"), cell("count"), cell("weight"), cell("flag")}, cell("id"));
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Row& row = table[i];
    text += line({cell(style.strings ? kKinds[row.kind] : std::to_string(row.kind)), cell(number(row.length)),
                  cell(number(row.count)), cell(number(row.weight)), cell(number(row.flag))},
                 std::to_string(i));
  }
  return text;
}

std::string utf16(const std::string& text, bool little) {
  std::string wide = little ? "\xFF\xFE" : "\xFE\xFF";
  for (const char c : text) {
    const char bytes[] = {little ? c : '\0', little ? '\0' : c};
    wide.append(bytes, 2);
  }
  return wide;
}

// However it is written, the network gets the same numbers, sample after sample.
TEST(CsvFile, TheSameTableIsTheSameDataHoweverItIsWritten) {
  const std::vector<Row> table = made_up(10'000);
  const auto plain = read_one(written(table, {.name = "plain"}), "kind");
  ASSERT_TRUE(plain.ok()) << plain.failure().message;
  EXPECT_EQ(plain->train.count() + plain->test.count(), 10'000);
  const std::vector<Style> styles = {
      {.name = "no heading", .heading = false, .label = "1"},
      {.name = "quotes", .quotes = true, .label = "kind"},
      {.name = "semicolons", .delimiter = ';', .label = "kind"},
      {.name = "tabs", .delimiter = '\t', .label = "kind"},
      {.name = "decimal commas", .delimiter = ';', .decimal_comma = true, .label = "kind"},
      {.name = "quoted decimal commas between commas",
       .quotes = true,
       .decimal_comma = true,
       .label = "kind",
       .csv = "decimal=comma"},
      {.name = "CRLF", .end = "\r\n", .label = "kind"},
      {.name = "CR", .end = "\r", .label = "kind"},
      {.name = "byte order mark", .mark = "\xEF\xBB\xBF", .label = "kind"},
      {.name = "strings", .strings = true, .label = "kind"},
      {.name = "quoted strings, last", .quotes = true, .strings = true, .label_last = true},
      {.name = "label last", .label_last = true, .label = "kind"},
      {.name = "label last by number", .heading = false, .label_last = true, .label = "5"},
      {.name = "row numbers", .row_numbers = true, .label = "kind"},
  };
  for (const Style& style : styles) {
    SCOPED_TRACE(style.name);
    const auto data = read_one(written(table, style), style.label, style.csv);
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->digest, plain->digest) << data->understood;
    EXPECT_EQ(labels_in(data->train), labels_in(plain->train));
    EXPECT_TRUE(inputs_of(data->train) == inputs_of(plain->train));
    EXPECT_TRUE(inputs_of(data->test) == inputs_of(plain->test));
  }
  for (const bool little : {true, false}) {
    const auto data = read_one(utf16(written(table, {.name = "", .quotes = true}), little), "kind");
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->digest, plain->digest);
    EXPECT_THAT(data->understood, HasSubstr(little ? "utf-16le" : "utf-16be"));
  }
  const ScratchFolder folder;
  write_gzip(folder / "set.csv.gz", written(table, {.name = ""}));
  EXPECT_EQ(read_csv(source_at(folder / "set.csv.gz", "kind"))->digest, plain->digest);
  // Sorted by class it is cut elsewhere, but no class is lost.
  const auto sorted = read_one(written(table, {.name = "", .sorted = true}), "kind");
  ASSERT_TRUE(sorted.ok()) << sorted.failure().message;
  EXPECT_EQ(sorted->train.count(), plain->train.count());
  for (const dnn::Dataset* part : {&sorted->train, &sorted->test})
    for (dnn::Label c = 0; c < 3; ++c) EXPECT_GT(std::ranges::count(part->labels(), c), 500);
}

TEST(CsvFile, EachColumnIsScaledByItself) {
  const auto data = read_one(written(made_up(900), {.name = ""}), "kind");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  ASSERT_FALSE(data->train.holds_bytes());
  const Eigen::MatrixXd x = inputs_of(data->train).cast<double>();
  for (Eigen::Index k = 0; k < x.rows(); ++k) {
    EXPECT_NEAR(x.row(k).mean(), 0.0, 1e-6) << k;
    EXPECT_NEAR(std::sqrt(x.row(k).array().square().mean()), 1.0, 1e-5) << k;
  }
  EXPECT_THAT(data->understood, HasSubstr("4 features (2 of decimals, 2 of whole numbers)"));
}

// In float 1.7e9 and 1.7e9 + 10 are one number.
TEST(CsvFile, ALargeOffsetLosesNothing) {
  std::string text = "label,time\n";
  for (int i = 0; i < 120; ++i) text += fmt::format("{},{}\n", i % 2, 1'700'000'000 + 10 * (i % 2) + i % 3);
  const auto data = read_one(text);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  const Eigen::MatrixXf x = inputs_of(data->train);
  for (Eigen::Index i = 0; i < x.cols(); ++i) EXPECT_EQ(x(0, i) > 0, data->train.label(i) == 1) << i;
}

TEST(CsvFile, WhatIsHardlyEverThereIsBounded) {
  std::string text = "label,a,rare\n";
  for (int i = 0; i < 12'000; ++i) text += fmt::format("{},{},{}\n", i % 2, i % 10, i == 500 ? 1 : 0);
  const auto data = read_one(text);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  float largest = 0;
  for (const dnn::Dataset* part : {&data->train, &data->test})
    largest = std::max(largest, inputs_of(*part).cwiseAbs().maxCoeff());
  if (largest > 2) {  // the rare one is in the training part
    EXPECT_EQ(largest, 32.0f);
    EXPECT_THAT(data->understood, HasSubstr("1 bounded to 32"));
  } else {
    ADD_FAILURE() << "the rare value went to the test part: take another row";
  }
}

std::string picture(int seed, int pixels, int greatest) {
  std::string text;
  for (int k = 0; k < pixels; ++k) text += fmt::format(",{}", (k * 37 + seed * 101) % (greatest + 1));
  return text;
}

TEST(CsvFile, PicturesStayBytesWithOneScale) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += std::to_string(i % 3) + picture(i, 64, 255) + "\n";
  const auto data = read_one(text, "1");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_TRUE(data->train.holds_bytes());
  EXPECT_EQ(data->train.standardisation().mean.size(), 1);
  EXPECT_THAT(data->understood, HasSubstr("scaled as pixels"));
  const auto columns = read_one(text, "1", "scale=columns");
  ASSERT_TRUE(columns.ok());
  EXPECT_FALSE(columns->train.holds_bytes());
  EXPECT_EQ(columns->digest, data->digest) << "of the numbers, not of what is made of them";
}

TEST(CsvFile, ASixthOfEachClassIsDrawnBySeed) {
  std::string text = "label,x\n";
  for (int i = 0; i < 600; ++i) text += fmt::format("{},{}\n", i % 4 == 0 ? "rare" : "often", i);
  const auto a = read_one(text), b = read_one(text, "", "split=2"), again = read_one(text);
  ASSERT_TRUE(a.ok() && b.ok() && again.ok());
  EXPECT_EQ(a->digest, again->digest);
  EXPECT_NE(a->digest, b->digest);
  EXPECT_EQ(std::ranges::count(a->test.labels(), 1), 25);
  EXPECT_EQ(std::ranges::count(a->test.labels(), 0), 75);
  EXPECT_EQ(a->inputs.classes, (std::vector<std::string>{"often", "rare"}));
}

TEST(CsvFile, TwoFilesAreFoundTogetherByName) {
  const ScratchFolder folder;
  write_text(folder / "a.csv", "kind,x,y\nu,1,5\nv,2,6\nu,3,8\n");
  write_text(folder / "b.csv", "y,x,kind\n6,2,v\n");
  DataSource source = source_at(folder / "a.csv");
  source.test_path = folder / "b.csv";
  const auto data = read_csv(source);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->test.label(0), 1);
  EXPECT_TRUE(inputs_of(data->test).col(0) == inputs_of(data->train).col(1));
}

TEST(CsvFile, LabelsAreMappedInTheirOrder) {
  const auto numbers = read_two("10,1\n2,2\n-3,5\n", "2,3\n");
  ASSERT_TRUE(numbers.ok()) << numbers.failure().message;
  EXPECT_EQ(numbers->inputs.classes, (std::vector<std::string>{"-3", "2", "10"}));
  EXPECT_EQ(labels_in(numbers->train), (Labels{2, 1, 0}));
  EXPECT_EQ(labels_in(numbers->test), (Labels{1}));
}

TEST(CsvFile, TextsOfOtherEncodingsAreUtf8InTheModel) {
  for (const std::string& name : {std::string("fran\xE7"
                                              "ais"),
                                  std::string("fran\xC3\xA7"
                                              "ais")}) {
    const auto data = read_two("label,x\n" + name + ",1\nenglish,2\n", "label,x\n" + name + ",3\n", "label");
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_EQ(data->inputs.classes[1],
              "fran\xC3\xA7"
              "ais");
  }
}

TEST(CsvFile, QuotesAndLineBreaksWithinThem) {
  const auto data = read_two("label,\"a \"\"b\"\", c\"\n\"one\nline\",1\n\"two, \"\"more\"\"\",2\n",
                             "label,\"a \"\"b\"\", c\"\n\"one\nline\",3\n", "label");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->inputs.classes, (std::vector<std::string>{"one\nline", "two, \"more\""}));
  EXPECT_EQ(data->inputs.columns, (std::vector<std::string>{"a \"b\", c"}));
}

TEST(CsvFile, MissingValuesAreRefusedOrFilledWithTheMean) {
  const std::string train = "label,a,b\nu,1,2\nv,NA,4\nu,3,\nv,5,6\n", test = "label,a,b\nu,?,3\n";
  expect_refused(read_two(train, test, "label"), {"train.csv", "line 3", "column 2 (a)", "missing=fill"});
  const auto data = read_two(train, test, "label", "missing=fill");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->inputs.mean(0), 3.0);
  EXPECT_EQ(inputs_of(data->train)(0, 1), 0.0f);
  EXPECT_EQ(inputs_of(data->train)(1, 2), 0.0f);
  EXPECT_EQ(inputs_of(data->test)(0, 0), 0.0f);
  EXPECT_THAT(data->understood, HasSubstr("2 missing values filled"));
  expect_refused(read_two("label,a\nu,1\n,2\nv,3\n", "label,a\nu,1\n", "label", "missing=fill"),
                 {"line 3", "the label is missing"});
}

TEST(CsvFile, ReadsLinesAcrossChunks) {
  // Samples of 1.5 MB, where the file is read 1 MiB at a time.
  std::string text;
  for (int i = 0; i < 4; ++i) {
    text += std::to_string(i % 2);
    for (int k = 0; k < 400000; ++k) text += i == 3 ? ",4" : ",100";
    text += "\n";
  }
  const auto data = read_two(text, text);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.count(), 4);
  EXPECT_EQ(data->train.features(), 400000);
  EXPECT_EQ(std::ranges::count(data->train.bytes(), 100), 1200000);
}

// Columns under each other, as many public sets have them.
TEST(CsvFile, BlanksAndTabsAsManyAsThereAre) {
  std::string aligned, single;
  for (int i = 0; i < 120; ++i) {
    aligned += fmt::format("{:>8.3f}{:>7}{}{}  kind{}  \n", i % 37 * 0.25, i % 91 * 10,
                           i % 4 == 1 ? "\t\t" : "\t", i % 11, i % 3);
    single += fmt::format("{:.3f},{},{},kind{}\n", i % 37 * 0.25, i % 91 * 10, i % 11, i % 3);
  }
  const auto data = read_one(aligned), plain = read_one(single);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_THAT(data->understood, HasSubstr("120 rows, 4 columns (blanks, no heading"));
  EXPECT_EQ(data->digest, plain->digest);
  EXPECT_EQ(inputs_of(data->train), inputs_of(plain->train));
  EXPECT_EQ(read_one(aligned, "", "delimiter=blanks")->digest, plain->digest);
}

TEST(CsvFile, ColumnsUnderEachOtherOfAlwaysAsManyBlanks) {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += fmt::format(" {:>3}  {:>4.1f}  {}\n", i % 9 * 37, i % 7 * 0.5, i % 2 + 1);
  const auto data = read_one(text, "3");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_THAT(data->understood, HasSubstr("3 columns (blanks"));
  EXPECT_EQ(data->inputs.classes, (std::vector<std::string>{"1", "2"}));
}

// With single blanks an empty cell is a missing value.
TEST(CsvFile, TwoSingleBlanksAreACellWithoutAValue) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += i == 7 ? "3  1\n" : fmt::format("{} {} {}\n", i % 5, i % 7, i % 2);
  expect_refused(read_one(text, "3"), {"line 8, column 2", "no value there"});
}

TEST(CsvFile, TablesWhoseHeadingHasNoNameForThoseOfTheRows) {
  std::string numbered, named;
  const std::string heading = "\"mpg\" \"cyl\" \"am\"\n";
  for (int i = 0; i < 60; ++i) {
    const std::string rest = fmt::format("{} {} {}\n", 20.5 + i % 7, 4 + i % 3, i % 2);
    numbered += fmt::format("\"{}\" {}", 1 + i * 37 % 60, rest);
    named += fmt::format("\"Car {}\" {}", i, rest);
  }
  for (const std::string& rows : {numbered, named}) {
    const auto data = read_one(heading + rows, "am");
    ASSERT_TRUE(data.ok()) << data.failure().message;
    EXPECT_THAT(data->understood, HasSubstr("60 rows, 4 columns (space, heading"));
    EXPECT_THAT(data->understood, HasSubstr("column 1 names the rows, left out"));
    EXPECT_THAT(data->inputs.columns, testing::ElementsAre("mpg", "cyl"));
    EXPECT_EQ(data->inputs.label_position, 4);
  }
}

}  // namespace
}  // namespace polydot::node
