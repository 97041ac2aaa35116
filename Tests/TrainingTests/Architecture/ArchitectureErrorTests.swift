import JSONDocuments
import Testing

@testable import Training

@Suite struct ArchitectureErrorTests {
    static let dense = #"{"type": "dense", "units": 3}"#

    /// A layer or a list of layers, and what is said about it.
    static let cases: [(String, String)] = [
        (
            #"{"type": "dense", "units": "ten"}"#,
            #"layers[0].units: found "ten", expected a whole number from 1 to 65536"#
        ),
        (#"{"type": "dense", "units": 0}"#, "layers[0].units: found 0, expected a whole number from 1 to 65536"),
        (#"{"type": "dense", "units": 1.5}"#, "layers[0].units: found 1.5, expected"),
        (#"{"type": "dense"}"#, #"layers[0]: dense has no "units", expected a whole number"#),
        (#"{"type": "dens", "units": 3}"#, #"layers[0].type: found "dens", expected a layer, one of"#),
        (#"{"type": "dens", "units": 3}"#, #"did you mean "dense"?"#),
        (#"{"type": 7}"#, "layers[0].type: found 7, expected a layer, one of"),
        (#"{"units": 7}"#, #"layers[0]: missing member "type""#),
        (#"[1]"#, "layers[0]: found an array of 1, expected a layer"),
        (#"{"type": "dense", "unit": 3}"#, #"layers[0]: unknown member "unit"; did you mean "units"?"#),
        (
            #"{"type": "dense", "units": 3, "activation": "rel"}"#,
            #"layers[0].activation: found "rel", expected an activation, one of"#
        ),
        (
            #"{"type": "dense", "units": 3, "kernel_initializer": {"type": "random_normal", "std": 1}}"#,
            #"layers[0].kernel_initializer: unknown member "std"; did you mean "stddev"?"#
        ),
        (
            #"{"type": "dense", "units": 3, "bias_initializer": "zero"}"#,
            #"layers[0].bias_initializer: found "zero", expected an initializer, one of"#
        ),
        (#"{"type": "dense", "units": 3, "use_bias": 1}"#, "layers[0].use_bias: found 1, expected true or false"),
        (#"{"type": "dense", "units": 3, "name": "a/b"}"#, #"layers[0].name: found "a/b", expected a name of"#),
        (
            #"{"type": "dense", "units": 3, "kernel_regularizer": "l2"}"#,
            "layers[0].kernel_regularizer: found \"l2\", expected none: the optimizer's l1 and l2"
        ),
        (#"{"type": "dropout", "rate": 1}"#, "layers[0].rate: found 1, expected a number from 0 to below 1"),
        (
            #"{"type": "embedding", "input_dim": 3, "output_dim": 2, "mask_zero": true}"#,
            "layers[0].mask_zero: found true, expected none"
        ),
        (
            #"{"type": "reshape", "target_shape": [-1, -1]}"#,
            "layers[0].target_shape: found an array of 2, expected one"
        ),
        (
            #"{"type": "reshape", "target_shape": [7]}"#,
            "layers[0]: Reshape layer 'reshape': cannot make [7] of its input"
        ),
        (
            #"{"type": "conv2d", "filters": 3, "kernel_size": [3, 3, 3]}"#,
            "layers[0].kernel_size: found an array of 3, expected a whole number from 1 to 65536, or 2 of them"
        ),
        (
            #"{"type": "conv2d", "filters": 3, "kernel_size": 3}"#,
            "layers[0]: Conv2D layer 'conv2d': found an input of shape [batch, 6], expected 4 axes"
        ),
        (
            "\(dense), {\"type\": \"lstm\", \"units\": 3}",
            "layers[1]: LSTM layer 'lstm': found an input of shape [batch, 3], expected [batch, steps, features]"
        ),
        (
            #"{"type": "reshape", "target_shape": [3, 2]}, {"type": "conv1d", "filters": 1, "kernel_size": 5}"#,
            "layers[1]: Conv1D layer 'conv1d': a window of 5 does not fit the extent 3 of its input "
                + "(its input is [batch, 3, 2])"
        ),
        (
            #"{"type": "residual", "layers": [{"type": "dense", "units": 3}], "projection": false}"#,
            "layers[0]: residual block 'residual': its layers make [batch, 3] of [batch, 6]"
        ),
        (
            #"{"type": "residual", "layers": [{"type": "dense", "units": -3}]}"#,
            "layers[0].layers[0].units: found -3, expected"
        ),
        (#"{"type": "residual", "layers": []}"#, "layers[0].layers: found an array of 0, expected a list of layers"),
        (
            #"{"type": "concat", "branches": [[], [{"type": "repeat_vector", "n": 2}]]}"#,
            "layers[0]: Concatenate layer 'concat': the shapes of its inputs do not fit together: [batch, 6], [batch, 2, 6]"
        ),
        (
            #"{"type": "concat", "branches": [[], [{"type": "dense", "units": 2, "activation": "x"}]]}"#,
            #"layers[0].branches[1][0].activation: found "x", expected"#
        ),
        (
            #"{"type": "concat", "branches": [[]]}"#,
            "layers[0].branches: found an array of 1, expected two or more lists"
        ),
        (
            #"{"type": "bidirectional", "layer": {"type": "residual", "layers": [{"type": "flatten"}]}}"#,
            #"layers[0].layer.type: found "residual", expected a single layer"#
        ),
        (
            #"{"type": "bidirectional", "layer": {"type": "dense", "units": 2}}"#,
            "layers[0]: Bidirectional layer 'bidirectional': a bidirectional Dense is not supported"
        ),
        (
            #"{"type": "dense", "units": 3, "name": "a"}, {"type": "concat", "branches": [[{"type": "flatten", "name": "a"}], []]}"#,
            #"layers[1].branches[0][0].name: found "a", which another layer is named"#
        ),
    ]

    @Test(arguments: cases) func layers(_ layers: String, _ expected: String) throws {
        let json = try JSONValue(json: #"{"input": {"shape": [6]}, "layers": [\#(layers)]}"#)
        let error = try #require(throws: JSONError.self) { _ = try ArchitectureSpec(json).build(seed: 1) }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test(arguments: [
        (#"{"layers": []}"#, #"missing member "input""#),
        (#"{"input": {"shape": [6]}, "layers": []}"#, "layers: found an array of 0, expected a list of layers"),
        (
            #"{"input": {"shape": []}, "layers": [1]}"#,
            "input.shape: found an array of 0, expected a list of one to seven"
        ),
        (#"{"input": {"shape": [0]}, "layers": [1]}"#, "input.shape[0]: found 0, expected a whole number from 1"),
        (
            #"{"input": {"shape": [6], "dtype": "int8"}, "layers": [1]}"#,
            #"input.dtype: found "int8", expected one of float32, int32, int64"#
        ),
        (#"{"inptu": {"shape": [6]}, "layers": [1]}"#, #"unknown member "inptu"; did you mean "input"?"#),
        (
            #"{"input": {"shape": [6], "dtype": "int64"}, "layers": [{"type": "dense", "units": 3}]}"#,
            "layers[0]: Dense layer 'dense': takes integers"
        ),
        (
            #"{"input": {"shape": [67108864, 67108864, 67108864]}, "layers": [{"type": "flatten"}]}"#,
            "input.shape: the input: a row of its result [batch, 67108864, 67108864, 67108864] exceeds"
        ),
        (
            #"{"input": {"shape": [5000, 2]}, "layers": [{"type": "multi_head_attention", "num_heads": 1, "key_dim": 1}]}"#,
            "layers[0]: MultiHeadAttention layer 'multi_head_attention': found an input of 5000 steps, expected at most 4096"
        ),
        (
            #"{"input": {"shape": [6], "name": "x"}, "output": {"name": "x"}, "layers": [{"type": "flatten"}]}"#,
            #"the input and the output are both named "x""#
        ),
    ]) func document(_ text: String, _ expected: String) throws {
        let json = try JSONValue(json: text)
        let error = try #require(throws: JSONError.self) { _ = try ArchitectureSpec(json).build(seed: 1) }
        #expect(error.description.contains(expected), "\(error)")
    }

    /// Paths begin where the specification is in its request.
    @Test func pathsFollowTheCursor() throws {
        let json = try JSONValue(
            json:
                #"{"architecture": {"input": {"shape": [6]}, "layers": [{"type": "lstm", "units": 2}]}}"#)
        let spec = try ArchitectureSpec(try JSONCursor(json).member("architecture"))
        let error = try #require(throws: JSONError.self) { _ = try spec.build(seed: 1) }
        #expect(error.location == .path("architecture.layers[0]"))
    }

    @Test func limits() throws {
        var limits = ArchitectureLimits()
        limits.maximumLayerCount = 2
        limits.maximumDepth = 2
        limits.maximumParameterCount = 20
        limits.maximumRowElementCount = 50
        func message(_ layers: String) throws -> String {
            let json = try JSONValue(json: #"{"input": {"shape": [6]}, "layers": [\#(layers)]}"#)
            return try #require(throws: JSONError.self) {
                _ = try ArchitectureSpec(json, limits: limits).build(seed: 1)
            }.description
        }
        #expect(
            try message("\(Self.dense), \(Self.dense), \(Self.dense)").contains("layers[2]: found more than 2 layers"))
        let nested = #"{"type": "residual", "layers": [{"type": "residual", "layers": [{"type": "flatten"}]}]}"#
        limits.maximumLayerCount = 9
        #expect(try message(nested).contains("layers[0].layers[0].layers[0]: found layers nested deeper than 2"))
        let wide = try message(#"{"type": "dense", "units": 4}"#)
        #expect(
            wide.contains("layers[0]: Dense layer 'dense': its weight 'kernel' [6, 4] brings the model to more than 20")
        )
        #expect(try message(#"{"type": "repeat_vector", "n": 9}"#).contains("exceeds 200 bytes"))
        let recurrent = #"{"input": {"shape": [3, 4]}, "layers": [{"type": "lstm", "units": 8192}]}"#
        let slow = try #require(throws: JSONError.self) {
            _ = try ArchitectureSpec(JSONValue(json: recurrent), limits: .default).build(seed: 1)
        }
        #expect(slow.description.contains("brings the model to more than 100000000 parameters"))
        limits.maximumParameterCount = 20
        // A hostile size is refused before anything is made of it.
        let huge = try message(#"{"type": "embedding", "input_dim": 100000000, "output_dim": 65536}"#)
        #expect(huge.contains("brings the model to more than 20 parameters"))
    }
}
