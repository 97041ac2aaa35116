import Testing

@testable import Training

@Suite struct PlotTests {
    /// The elements' names of a document in the order of their beginnings, or nil when it is not well-formed: tags pair,
    /// attributes are quoted, nothing is left unescaped.
    private func elements(_ text: String) -> [String]? {
        var names: [String] = []
        var open: [String] = []
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            guard wellEscaped(rest[..<start]), let end = rest[start...].firstIndex(of: ">") else { return nil }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.first == "/" {
                guard open.popLast() == String(tag.dropFirst()) else { return nil }
                continue
            }
            let isEmpty = tag.last == "/"
            let parts = (isEmpty ? tag.dropLast() : tag).split(separator: "\"", omittingEmptySubsequences: false)
            // Attributes: name= outside of the quotes, anything escaped inside.
            guard parts.count % 2 == 1, let name = parts[0].split(separator: " ").first else { return nil }
            for (index, part) in parts.enumerated() {
                if index % 2 == 1 {
                    guard wellEscaped(part) else { return nil }
                } else if index < parts.count - 1 {
                    guard part.last == "=" else { return nil }
                }
            }
            names.append(String(name))
            if !isEmpty { open.append(String(name)) }
        }
        return open.isEmpty ? names : nil
    }

    private func wellEscaped(_ text: Substring) -> Bool {
        text.split(separator: "&", omittingEmptySubsequences: false).dropFirst().allSatisfy { part in
            ["amp;", "lt;", "gt;", "quot;"].contains { part.hasPrefix($0) }
        }
    }

    @Test func theCheckerTellsGoodFromBad() {
        #expect(elements("<a b=\"c\"><d/>&amp;</a>") == ["a", "d"])
        for bad in ["<a>", "<a></b>", "<a b=c/><", "<a>&</a>", "<a b=\"&x\"/>", "<a b\"c\"/>"] {
            #expect(elements(bad) == nil, "\(bad)")
        }
    }

    @Test func axesEndAtRoundNumbers() {
        #expect(ChartAxis([0.13, 0.98]).ticks == [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1])
        #expect(ChartAxis([1, 20], tickCount: 7).ticks == [0, 5, 10, 15, 20])
        let constant = ChartAxis([3, 3])
        #expect(constant.lower < 3 && constant.upper > 3 && constant.ticks.count >= 2)
        let none = ChartAxis([Double.nan, .infinity])
        #expect(none.ticks.count >= 2 && none.position(.nan) == nil)
        let logarithmic = ChartAxis([0, 0.003, 40], isLogarithmic: true)
        #expect((logarithmic.lower, logarithmic.upper) == (0.001, 100))
        #expect(logarithmic.position(-1) == nil)
        #expect(abs((logarithmic.position(1) ?? 0) - 0.6) < 1e-12)
        for values in [
            [0, Double.leastNonzeroMagnitude], [2000, 4001].map { $0 * Double.leastNonzeroMagnitude }, [-1e299, 1e299],
            [1e15, 1e15 + 1],
            [1e18, (1e18).nextUp], [-5, -4.999],
        ] {
            let axis = ChartAxis(values)
            #expect(
                axis.lower < axis.upper && axis.ticks.count < 20 && axis.lower <= values[0] && axis.upper >= values[1],
                "\(values)")
        }
    }

    @Test func curvesAreDrawnWhereTheirNumbersAre() throws {
        let chart = LineChart(
            title: "Loss of <model> & \"more\"", yLabel: "loss",
            series: [
                .init("train", values: [1, 0.5, 0.25, 0]),
                .init("validation", values: [1, .nan, 0.75, 0.5], isDashed: true),
            ])
        let svg = chart.svg(width: 640, height: 400)
        let names = try #require(elements(svg))
        #expect(names.first == "svg")
        // Two curves and two samples of them.
        #expect(names.count { $0 == "path" } == 4)
        #expect(svg.contains("Loss of &lt;model&gt; &amp; &quot;more&quot;"))
        for text in [">train<", ">validation<", ">loss<", ">epoch<", ">0.6<", ">4<"] {
            #expect(svg.contains(text), "\(text)")
        }
        // x from 1 to 4 over 560 pixels from 64, y from 0 to 1 over 312 from 352 upwards.
        #expect(svg.contains("d=\"M64.00 40.00h0L250.67 196.00L437.33 274.00L624.00 352.00\""))
        #expect(svg.contains("d=\"M64.00 40.00h0M437.33 118.00h0L624.00 196.00\""))
        #expect(svg.contains("stroke-dasharray"))
        #expect(elements(LineChart(title: "", series: []).svg()) != nil)
    }

    @Test func longCurvesKeepTheirExtremes() {
        var values = (0..<50_000).map { Double($0 % 10) }
        values[31_234] = 99
        let reduced = LineChart.reduced(LineChart.Series("s", values: values).points)
        #expect(reduced.count <= LineChart.maximumPoints)
        #expect(reduced.contains { $0.y == 99 && $0.x == 31_235 })
        #expect(zip(reduced, reduced.dropFirst()).allSatisfy { $0.x < $1.x })
    }

    @Test func matricesHaveACellForEachPair() throws {
        var matrix = ConfusionMatrix(classCount: 3)
        for (actual, predicted, weight) in [(0, 0, 8.0), (0, 1, 2), (1, 1, 5), (2, 0, 1.5)] {
            matrix.add(actual: actual, predicted: predicted, weight: weight)
        }
        let svg = ConfusionChart.svg(matrix, classNames: ["cat", "dog & wolf"])
        let names = try #require(elements(svg))
        #expect(names.count { $0 == "rect" } == 10)
        #expect(svg.contains("cat taken for dog &amp; wolf: 2 (20 %)"))
        #expect(svg.contains(">1.5<") && svg.contains(">8<"))
        // Everything of a class is the full color, nothing of it is white.
        #expect(svg.contains("rgb(0,114,178)") && svg.contains("rgb(255,255,255)"))
        let many = ConfusionChart.svg(ConfusionMatrix(classCount: 40), classNames: [])
        #expect(elements(many)?.count { $0 == "text" } == 3)
    }

    @Test func terminalsShowCurves() {
        let lines = TerminalChart.lines([.init("loss", [4, 3, 2, 1])], width: 20, height: 4)
        #expect(lines.count == 4)
        #expect(lines[0].hasPrefix("        4│"))
        #expect(lines[2].hasPrefix("        1│"))
        #expect(lines.dropLast().allSatisfy { $0.count == 20 })
        #expect(lines[3].hasSuffix("━ loss 1"))
        // From the upper left dot to the lower right one.
        #expect(lines[0].dropFirst(10).first?.unicodeScalars.first.map { $0.value & 0x01 } == 1)
        #expect(lines[2].last?.unicodeScalars.first.map { $0.value & 0x80 } == 0x80)
        #expect(lines[2].dropFirst(10).first == "\u{2800}")
        let colored = TerminalChart.lines([.init("a", [1]), .init("b", [.nan])], width: 5, height: 1, usesColor: true)
        #expect(colored.joined().contains("\u{1B}[36m"))
        #expect(TerminalChart.lines([], width: 30, height: 5).count == 5)
    }

    @Test func sparklinesRiseAndFall() {
        #expect(TerminalChart.sparkline([0, 1, 2, 3, 4, 5, 6, 7], width: 20) == "▁▂▃▄▅▆▇█")
        #expect(TerminalChart.sparkline([0, 2, 7, 7, .nan, .nan], width: 3) == "▁█ ")
        #expect(TerminalChart.sparkline([5, 5], width: 9) == "▁▁")
        #expect(TerminalChart.sparkline([], width: 9) == "")
        let extremes = [0, Double.leastNonzeroMagnitude]
        #expect(TerminalChart.sparkline(extremes, width: 2) == "▁▁")
        #expect(TerminalChart.lines([.init("tiny", extremes)], width: 20, height: 4).count == 4)
        #expect(TerminalChart.sparkline([-Double.greatestFiniteMagnitude, .greatestFiniteMagnitude], width: 2) == "▁█")
    }
}
