/// Which fields of a record, line or array are features, which is the label, and which the weight of the example.
///
///     {"features": [{"name": "age", "kind": "number"},
///                   {"name": "city", "kind": "category"},
///                   {"name": "photo", "kind": "tensor", "shape": [28, 28, 1]},
///                   {"name": "note", "kind": "text"}],
///      "label": {"name": "churned", "kind": "class", "classes": ["no", "yes"]},
///      "weight": "weight"}
public struct DatasetSchema: Sendable, Hashable {
    public enum FeatureKind: Sendable, Hashable {
        /// One number; what is missing is NaN.
        case number
        /// One of several words; what is missing is the empty one.
        case category
        /// One of several integers, kept as a number; what is missing is NaN.
        case integerCategory
        /// Numbers in a shape, the batch excluded: an image, a sequence, a vector.
        case tensor([Int])
        /// Words in a row.
        case text

        /// Numbers that one value takes; none for words.
        public var numberCount: Int {
            switch self {
            case .number, .integerCategory: 1
            case .category, .text: 0
            case .tensor(let shape): shape.reduce(1, *)
            }
        }

        public var isText: Bool { self == .category || self == .text }
    }

    public struct Feature: Sendable, Hashable {
        public var name: String
        public var kind: FeatureKind
        /// Names or indices (from 0) of a table's columns where they are not the feature's own name: one, or as many as
        /// a tensor has elements; nil for the default.
        public var columns: [String]?

        public init(name: String, kind: FeatureKind, columns: [String]? = nil) {
            self.name = name
            self.kind = kind
            self.columns = columns
        }
    }

    public enum LabelKind: Sendable, Hashable {
        /// The names of classes; nil when they are yet to be found in the data.
        case classes([String]?)
        /// Integers from 0 below the count.
        case classIndex(count: Int)
        /// As many numbers as the label has names.
        case numbers
    }

    public struct Label: Sendable, Hashable {
        /// One column or member; several for regression with several targets.
        public var names: [String]
        public var kind: LabelKind

        public init(names: [String] = ["label"], kind: LabelKind) {
            self.names = names
            self.kind = kind
        }
    }

    /// Features of one schema.
    public static let maximumFeatures = 16_384

    public var features: [Feature]
    /// nil where there is nothing to predict but the features themselves.
    public var label: Label?
    /// The column or member that weights the example; nil where all weigh 1.
    public var weight: String?
    /// Texts of a table that stand for a missing value, besides nothing at all.
    public var missingTexts: [String] = ["NA", "NaN", "nan", "null"]

    /// Whether features by name that a record does not have are missing values; else they are a mistake, as a misspelt
    /// name would be.
    public var admitsAbsent = false

    public init(features: [Feature], label: Label?, weight: String? = nil) {
        self.features = features
        self.label = label
        self.weight = weight
    }

    /// A single tensor of features named `features`.
    public static func tensor(_ shape: [Int], label: Label?) -> DatasetSchema {
        DatasetSchema(features: [Feature(name: "features", kind: .tensor(shape))], label: label)
    }
}

extension DatasetSchema {
    /// Numbers of a row, in the order of the features.
    public var numberCount: Int { features.reduce(0) { $0 + $1.kind.numberCount } }
    /// Words and texts of a row, in the order of the features.
    public var textCount: Int { features.count { $0.kind.isText } }
    /// Numbers of a label: 1 for a class.
    public var labelCount: Int { label?.names.count ?? 0 }
    /// Whether the label is one of several classes.
    public var isClassification: Bool {
        switch label?.kind {
        case .classes, .classIndex: true
        case .numbers, nil: false
        }
    }

    /// The classes' names, in the order of their indices; nil without classes, or before they are known.
    public var classNames: [String]? {
        switch label?.kind {
        case .classes(let names): names
        case .classIndex(let count): (0..<count).map(String.init)
        case .numbers, nil: nil
        }
    }

    /// Where a feature's numbers lie in a row; nil for words and texts.
    public func numberRange(of feature: Int) -> Range<Int>? {
        guard features.indices.contains(feature), !features[feature].kind.isText else { return nil }
        let start = features[..<feature].reduce(0) { $0 + $1.kind.numberCount }
        return start..<start + features[feature].kind.numberCount
    }

    /// Which of a row's texts a feature is; nil for numbers.
    public func textIndex(of feature: Int) -> Int? {
        guard features.indices.contains(feature), features[feature].kind.isText else { return nil }
        return features[..<feature].count { $0.kind.isText }
    }
}
