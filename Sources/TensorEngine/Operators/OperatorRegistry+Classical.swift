extension OperatorRegistry {
    /// The domain `ai.onnx.ml` (https://onnx.ai/onnx/operators/index.html#ai-onnx-ml).
    static let classicalEntries: [String: Entry] = [
        "ArrayFeatureExtractor": Entry(ArrayFeatureExtractorOperator.self, inputs: 2...2),
        "Binarizer": Entry(FeatureOperator.self, inputs: 1...1),
        "CategoryMapper": Entry(LabelEncoderOperator.self, inputs: 1...1),
        "FeatureVectorizer": Entry(FeatureVectorizerOperator.self, inputs: 1...Int.max),
        "Imputer": Entry(FeatureOperator.self, inputs: 1...1),
        "LabelEncoder": Entry(LabelEncoderOperator.self, inputs: 1...1),
        "LinearClassifier": Entry(LinearModelOperator.self, inputs: 1...1, outputs: 1...2),
        "LinearRegressor": Entry(LinearModelOperator.self, inputs: 1...1),
        "Normalizer": Entry(FeatureOperator.self, inputs: 1...1),
        "OneHotEncoder": Entry(OneHotEncoderOperator.self, inputs: 1...1),
        "SVMClassifier": Entry(SVMClassifierOperator.self, inputs: 1...1, outputs: 1...2),
        "SVMRegressor": Entry(SVMRegressorOperator.self, inputs: 1...1),
        "Scaler": Entry(FeatureOperator.self, inputs: 1...1),
        "TreeEnsemble": Entry(TreeEnsembleOperator.self, inputs: 1...1),
        "TreeEnsembleClassifier": Entry(TreeEnsembleOperator.self, inputs: 1...1, outputs: 1...2),
        "TreeEnsembleRegressor": Entry(TreeEnsembleOperator.self, inputs: 1...1),
    ]
}
