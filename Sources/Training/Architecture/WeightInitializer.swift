import Glibc
import JSONDocuments

/// How the first values of a weight are drawn: Keras's initializers with their defaults
/// (https://keras.io/api/layers/initializers/).
enum WeightInitializer: Sendable, Hashable {
    /// Which number of connections sets the scale: that of inputs, of outputs, or their mean.
    enum Fan: Sendable, Hashable { case input, output, average }

    case constant(Float)
    case uniform(Double, Double)
    case normal(mean: Double, deviation: Double)
    /// Values beyond two deviations are drawn again.
    case truncatedNormal(mean: Double, deviation: Double)
    /// Glorot & Bengio 2010, He et al. 2015, LeCun et al. 1998.
    case varianceScaling(Double, Fan, isNormal: Bool)
    /// Saxe et al. 2014.
    case orthogonal(gain: Double)

    static let glorotUniform = WeightInitializer.varianceScaling(1, .average, isNormal: false)

    /// The names in a specification, with the settings that each takes.
    static let settings: [String: [String]] = [
        "zeros": [], "ones": [], "constant": ["value"],
        "random_uniform": ["minval", "maxval"], "uniform": ["minval", "maxval"],
        "random_normal": ["mean", "stddev"], "truncated_normal": ["mean", "stddev"],
        "glorot_uniform": [], "glorot_normal": [], "he_uniform": [], "he_normal": [], "lecun_uniform": [],
        "lecun_normal": [], "orthogonal": ["gain"],
    ]

    static let names = settings.keys.sorted()

    /// A name, or an object of a `type` and its settings.
    init(_ cursor: JSONCursor) throws(JSONError) {
        var name = cursor
        var settings: JSONCursor?
        if case .object = cursor.value {
            name = try cursor.member("type")
            settings = cursor
        }
        let type = try Setting.choice(name, of: Self.names, what: "an initializer,")
        try settings?.rejectUnknownMembers(allowed: Set(Self.settings[type] ?? []).union(["type"]))
        func number(
            _ key: String, _ fallback: Double, in range: NumberRange = .any
        ) throws(JSONError) -> Double {
            guard let value = try settings?.optionalMember(key) else { return fallback }
            return try Setting.number(value, in: range)
        }
        switch type {
        case "zeros": self = .constant(0)
        case "ones": self = .constant(1)
        case "constant": self = .constant(Float(try number("value", 0)))
        case "random_uniform", "uniform":
            let (lower, upper) = (try number("minval", -0.05), try number("maxval", 0.05))
            guard lower <= upper else {
                throw cursor.failure("found minval \(lower) above maxval \(upper), expected at most that")
            }
            self = .uniform(lower, upper)
        case "random_normal":
            self = .normal(mean: try number("mean", 0), deviation: try number("stddev", 0.05, in: .notNegative))
        case "truncated_normal":
            self = .truncatedNormal(
                mean: try number("mean", 0), deviation: try number("stddev", 0.05, in: .notNegative))
        case "glorot_normal": self = .varianceScaling(1, .average, isNormal: true)
        case "he_uniform": self = .varianceScaling(2, .input, isNormal: false)
        case "he_normal": self = .varianceScaling(2, .input, isNormal: true)
        case "lecun_uniform": self = .varianceScaling(1, .input, isNormal: false)
        case "lecun_normal": self = .varianceScaling(1, .input, isNormal: true)
        case "orthogonal": self = .orthogonal(gain: try number("gain", 1))
        default: self = .glorotUniform
        }
    }

    /// Draws the elements of a weight, row-major.
    /// - Parameter shape: in Keras's layout, which decides what the inputs and the outputs are.
    func draw(_ shape: [Int], from random: inout RandomSource) -> [Float] {
        let count = shape.reduce(1, *)
        switch self {
        case .constant(let value): return [Float](repeating: value, count: count)
        case .uniform(let lower, let upper):
            return (0..<count).map { _ in Float(random.uniform(lower, upper)) }
        case .normal(let mean, let deviation):
            return (0..<count).map { _ in Float(mean + deviation * random.normal()) }
        case .truncatedNormal(let mean, let deviation):
            return (0..<count).map { _ in Float(mean + deviation * Self.truncated(&random)) }
        case .varianceScaling(let scale, let fan, let isNormal):
            let (inputs, outputs) = Self.fans(shape)
            let connections: Double =
                switch fan {
                case .input: Double(inputs)
                case .output: Double(outputs)
                case .average: Double(inputs + outputs) / 2
                }
            let variance = scale / max(1, connections)
            guard isNormal else {
                let limit = (3 * variance).squareRoot()
                return (0..<count).map { _ in Float(random.uniform(-limit, limit)) }
            }
            // The deviation of a standard normal that is cut off at two, by which Keras divides.
            let deviation = variance.squareRoot() / 0.87962566103423978
            return (0..<count).map { _ in Float(deviation * Self.truncated(&random)) }
        case .orthogonal(let gain):
            return Self.orthogonal(
                rows: shape.dropLast().reduce(1, *), columns: shape.last ?? 1, gain: gain, from: &random)
        }
    }

    /// Keras's count of the inputs and outputs of one unit: the last two axes, times the extents before them.
    static func fans(_ shape: [Int]) -> (inputs: Int, outputs: Int) {
        switch shape.count {
        case 0: return (1, 1)
        case 1: return (shape[0], shape[0])
        default:
            let field = shape.dropLast(2).reduce(1, *)
            return (shape[shape.count - 2] * field, shape[shape.count - 1] * field)
        }
    }

    private static func truncated(_ random: inout RandomSource) -> Double {
        while true {
            let draw = random.normal()
            if abs(draw) <= 2 { return draw }
        }
    }

    /// The most products that making a matrix orthogonal may take: some ten seconds.
    static let maximumProductCount = 1 << 35

    /// Whether the weight can be drawn in a time that its size allows.
    func isFeasible(_ shape: [Int]) -> Bool {
        guard case .orthogonal = self, let columns = shape.last else { return true }
        let rows = shape.dropLast().reduce(1, *)
        let (square, overflow) = min(rows, columns).multipliedReportingOverflow(by: min(rows, columns))
        let (products, tooMany) = square.multipliedReportingOverflow(by: max(rows, columns))
        return !overflow && !tooMany && products <= Self.maximumProductCount
    }

    /// A matrix whose columns (rows, if there are fewer) are orthonormal, by Gram and Schmidt's method of a normal one.
    private static func orthogonal(
        rows: Int, columns: Int, gain: Double, from random: inout RandomSource
    ) -> [Float] {
        let (length, count) = (max(rows, columns), min(rows, columns))
        // Vector after vector, each contiguous.
        var basis = (0..<length * count).map { _ in random.normal() }
        basis.withUnsafeMutableBufferPointer { basis in
            guard let start = basis.baseAddress else { return }
            for index in 0..<count {
                let vector = start + index * length
                // The vector as it is left by those before, as the modified method has it.
                for earlier in 0..<index { project(start + earlier * length, offOf: vector, length) }
                let square = product(vector, vector, length)
                let factor = square > 0 ? 1 / square.squareRoot() : 0
                for place in 0..<length { vector[place] *= factor }
            }
        }
        return (0..<rows * columns).map { place in
            let (row, column) = (place / columns, place % columns)
            return Float(gain * (rows >= columns ? basis[column * length + row] : basis[row * length + column]))
        }
    }
    private static func project(
        _ unit: UnsafeMutablePointer<Double>, offOf vector: UnsafeMutablePointer<Double>, _ length: Int
    ) {
        let share = product(vector, unit, length)
        for place in 0..<length { vector[place] -= share * unit[place] }
    }

    /// A scalar product in eight partial sums, always the same ones.
    private static func product(
        _ left: UnsafeMutablePointer<Double>, _ right: UnsafeMutablePointer<Double>, _ length: Int
    ) -> Double {
        var lanes = SIMD8<Double>.zero
        let whole = length & ~7
        let (a, b) = (UnsafeRawPointer(left), UnsafeRawPointer(right))
        for place in stride(from: 0, to: whole, by: 8) {
            lanes +=
                a.loadUnaligned(fromByteOffset: place * 8, as: SIMD8<Double>.self)
                * b.loadUnaligned(fromByteOffset: place * 8, as: SIMD8<Double>.self)
        }
        var rest = 0.0
        for place in whole..<length { rest += left[place] * right[place] }
        return rest + lanes.sum()
    }
}
