/// One step of preprocessing, before it is fitted. Columns are features by their names; nil for all that a step suits,
/// encoded categories and texts left out.
public enum PreprocessingStep: Sendable, Hashable {
    /// To mean 0 and standard deviation 1 of the training rows; a constant becomes 0.
    case standardize(columns: [String]?, Statistics)
    /// From the least and the largest of the training rows to `lower` and `upper`.
    case minMax(columns: [String]?, Statistics, lower: Double, upper: Double, clips: Bool)
    /// What is missing becomes something.
    case impute(columns: [String]?, Imputation)
    /// A category becomes a column for each that the training rows have.
    case oneHot(columns: [String]?, refusesUnknown: Bool)
    /// A text becomes the numbers of its words: 0 is padding, 1 a word that is not in the vocabulary.
    case tokenIDs(column: String, TextOptions, TokenOptions)
    /// A text becomes how often each word or n-gram of the vocabulary is in it, in any order.
    case bagOfWords(column: String, TextOptions, BagOptions)
    /// Times `scale`, plus `offset`.
    case rescale(columns: [String]?, scale: Double, offset: Double)
    /// Images of another size.
    case resize(columns: [String]?, ResizeOptions)
    /// Only these features go on.
    case select(columns: [String])

    /// What of a tensor has a mean or a range of its own; a numeric column always has.
    public enum Statistics: Sendable, Hashable {
        /// The whole tensor together.
        case all
        /// Each channel.
        case channel(ImageLayout)
        /// Each element.
        case element
    }

    public enum Imputation: Sendable, Hashable {
        /// Of the training rows; of numeric columns and tensors' elements.
        case mean, median
        /// In the training rows; the least of several.
        case mostFrequent
        case number(Double)
        case text(String)
    }

    /// How a text becomes words: at white space and separators, which vanish.
    public struct TextOptions: Sendable, Hashable {
        public var lowercases = true
        public var separators = ".,;:!?\"()"
        public var stopWords: [String] = []
        /// Rows (of training) that a word must be in to be known.
        public var minimumRows = 1

        public init() {}
    }

    public enum Side: String, Sendable, Hashable, CaseIterable { case start, end }

    public struct TokenOptions: Sendable, Hashable {
        /// Numbers of every row.
        public var length: Int
        /// Every number is below this: the vocabulary has two words less.
        public var maximumVocabulary = 20_000
        /// Where short texts are padded.
        public var padding = Side.end
        /// Where long texts are cut.
        public var truncation = Side.end

        public init(length: Int) { self.length = length }
    }

    public enum Weighting: String, Sendable, Hashable, CaseIterable {
        /// Whether it occurs.
        case binary
        /// How often it occurs.
        case count
        /// How often it occurs, times ln((1 + n) / (1 + rows that have it)) + 1 (scikit-learn's smooth idf).
        case tfIDF = "tf_idf"
    }

    public struct BagOptions: Sendable, Hashable {
        public var weighting = Weighting.tfIDF
        /// The most words of one n-gram.
        public var longest = 1
        public var maximumFeatures = 20_000
        /// Whether rows are divided by their Euclidean length.
        public var normalizes = true

        public init() {}
    }

    public struct ResizeOptions: Sendable, Hashable {
        public enum Mode: String, Sendable, Hashable, CaseIterable { case nearest, linear, cubic }

        public var height: Int
        public var width: Int
        public var layout = ImageLayout.channelsLast
        public var mode = Mode.linear
        /// Whether an image that shrinks is smoothed first.
        public var antialiases = true

        public init(height: Int, width: Int) {
            self.height = height
            self.width = width
        }
    }

    /// The step's name in specs.
    public var type: String {
        switch self {
        case .standardize: "standardize"
        case .minMax: "min_max"
        case .impute: "impute"
        case .oneHot: "one_hot"
        case .tokenIDs: "token_ids"
        case .bagOfWords: "bag_of_words"
        case .rescale: "rescale"
        case .resize: "resize"
        case .select: "select"
        }
    }

    static let types = [
        "bag_of_words", "impute", "min_max", "one_hot", "rescale", "resize", "select", "standardize", "token_ids",
    ]
}
