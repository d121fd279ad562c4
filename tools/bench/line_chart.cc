#include "tools/bench/line_chart.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace polydot::bench {

namespace {

constexpr double kWidth = 470, kHeight = 330;  // of a panel with its margins
constexpr double kLeft = 74, kRight = 22, kTop = 40, kBottom = 56;
constexpr double kLegendHeight = 40;
// Lines often lie on each other: markers of different shapes, each line shifted by a little.
constexpr double kShift = 3.0;

// Okabe and Ito's colours: told apart by the colour-blind too.
constexpr std::array<const char*, 6> kColours = {"#0072b2", "#009e73", "#cc79a7",
                                                 "#d55e00", "#e69f00", "#56b4e9"};

struct Point {
  double x = 0, y = 0;
};

std::string marker(std::size_t line, Point at) {
  const char* colour = kColours[line % kColours.size()];
  const double r = 4.5;
  switch (line % kColours.size()) {
    case 0:
      return fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{}" fill="{}"/>)", at.x, at.y, r, colour);
    case 1:
      return fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{}" height="{}" fill="{}"/>)", at.x - 4,
                         at.y - 4, 8, 8, colour);
    case 2:
      return fmt::format(R"(<path d="M{:.1f} {:.1f}l5 9h-10z" fill="{}"/>)", at.x, at.y - 5.5, colour);
    case 3:
      return fmt::format(R"(<path d="M{:.1f} {:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z" fill="{}"/>)", at.x,
                         at.y - 5.5, colour);
    case 4:
      return fmt::format(R"(<path d="M{:.1f} {:.1f}l5 -9h-10z" fill="{}"/>)", at.x, at.y + 5.5, colour);
    default:
      return fmt::format(
          R"(<path d="M{:.1f} {:.1f}l8 8m0 -8l-8 8" stroke="{}" stroke-width="2.5" fill="none"/>)", at.x - 4,
          at.y - 4, colour);
  }
}

std::string text(Point at, const std::string& anchor, const std::string& words, const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", at.x, at.y, anchor,
                     more, words);
}

std::string straight(Point from, Point to, const char* colour) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" stroke-width=\"1\"/>\n",
      from.x, from.y, to.x, to.y, colour);
}

class PanelDrawing {
 public:
  PanelDrawing(const ChartPanel& panel, Point corner) : panel_(panel), corner_(corner) {}

  std::string draw() const {
    std::string svg = axes();
    for (std::size_t k = 0; k < panel_.lines.size(); ++k) svg += line(k);
    return svg;
  }

 private:
  double x(double value) const {
    const double first = panel_.x_ticks.front().at, last = panel_.x_ticks.back().at;
    return corner_.x + kLeft + (value - first) / (last - first) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    const double first = panel_.y_ticks.front().at, last = panel_.y_ticks.back().at;
    return corner_.y + kHeight - kBottom - (value - first) / (last - first) * (kHeight - kTop - kBottom);
  }

  std::string axes() const {
    const double left = corner_.x + kLeft, right = corner_.x + kWidth - kRight;
    const double top = corner_.y + kTop, bottom = corner_.y + kHeight - kBottom;
    std::string svg = text({(left + right) / 2, top - 14}, "middle", panel_.title, " font-weight=\"bold\"");
    for (const ChartTick& tick : panel_.y_ticks) {
      svg += straight({left - 20, y(tick.at)}, {right + 10, y(tick.at)}, "#dddddd");
      svg += text({left - 24, y(tick.at) + 4}, "end", tick.label);
    }
    for (const ChartTick& tick : panel_.x_ticks) {
      svg += straight({x(tick.at), bottom + 8}, {x(tick.at), bottom + 13}, "#444444");
      svg += text({x(tick.at), bottom + 28}, "middle", tick.label);
    }
    svg += straight({left - 20, bottom + 8}, {right + 10, bottom + 8}, "#444444");
    svg += straight({left - 20, top}, {left - 20, bottom + 8}, "#444444");
    svg += text({(left + right) / 2, bottom + 48}, "middle", panel_.x_title);
    const Point middle{corner_.x + 16, (top + bottom) / 2};
    svg += text(middle, "middle", panel_.y_title,
                fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", middle.x, middle.y).c_str());
    return svg;
  }

  std::string line(std::size_t k) const {
    const ChartLine& line = panel_.lines[k];
    const double shift =
        kShift * (static_cast<double>(k) - 0.5 * static_cast<double>(panel_.lines.size() - 1));
    std::string path, markers;
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      const Point at{x(line.x[i]) + shift, y(line.y[i])};
      path += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", at.x, at.y);
      markers += marker(k, at) + "\n";
    }
    return fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.8\"/>\n{}", path,
                       kColours[k % kColours.size()], markers);
  }

  const ChartPanel& panel_;
  Point corner_;
};

std::string legend(const std::vector<ChartLine>& lines, double width, double top) {
  std::string svg;
  const double each = std::min(170.0, (width - 40) / static_cast<double>(lines.size()));
  double left = (width - each * static_cast<double>(lines.size())) / 2;
  for (std::size_t k = 0; k < lines.size(); ++k, left += each) {
    svg += fmt::format("<path d=\"M{:.1f} {:.1f}h28\" stroke=\"{}\" stroke-width=\"1.8\"/>\n", left, top,
                       kColours[k % kColours.size()]);
    svg += marker(k, {left + 14, top}) + "\n";
    svg += text({left + 34, top + 4}, "start", lines[k].name);
  }
  return svg;
}

}  // namespace

std::string draw_chart(const std::vector<ChartPanel>& panels, std::size_t columns) {
  const std::size_t rows = (panels.size() + columns - 1) / columns;
  const double width = kWidth * static_cast<double>(columns);
  const double height = kHeight * static_cast<double>(rows) + kLegendHeight;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"DejaVu Sans, Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#222222\">\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n",
      width, height);
  for (std::size_t k = 0; k < panels.size(); ++k)
    svg += PanelDrawing(panels[k], {kWidth * static_cast<double>(k % columns),
                                    kLegendHeight + kHeight * static_cast<double>(k / columns)})
               .draw();
  return svg + legend(panels.front().lines, width, kLegendHeight / 2 + 4) + "</svg>\n";
}

std::vector<ChartTick> round_ticks(double largest, int count) {
  const double rough = std::max(largest, 1e-9) / count;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (double candidate : {1.0, 2.0, 5.0})
    if (candidate * power >= rough) {
      step = candidate * power;
      break;
    }
  std::vector<ChartTick> ticks;
  for (int k = 0; ticks.empty() || ticks.back().at < largest; ++k)
    ticks.push_back({k * step, fmt::format("{:g}", k * step)});
  return ticks;
}

}  // namespace polydot::bench
