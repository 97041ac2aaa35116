// swift-tools-version: 6.2
import PackageDescription

/// The language settings of every Swift target.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// A system C library: a module map and a shim header, nothing else.
func systemLibrary(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(
        name: name, path: "Sources/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [])
    -> Target
{
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let metricsTestKit = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "millrace",
    products: [
        .executable(name: "millrace", targets: ["MillraceCommand"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    ],
    targets: [
        systemLibrary("CRdKafka", pkgConfig: "rdkafka", apt: "librdkafka-dev"),
        systemLibrary("COpenBLAS", pkgConfig: "openblas", apt: "libopenblas-dev"),
        systemLibrary("CJansson", pkgConfig: "jansson", apt: "libjansson-dev"),
        systemLibrary("CHDF5", pkgConfig: "hdf5", apt: "libhdf5-dev"),
        systemLibrary("CZip", pkgConfig: "libzip", apt: "libzip-dev"),
        .target(
            name: "CSimdJSON",
            cxxSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: [.linkedLibrary("simdjson")]),
        // The kernels are optimised in debug builds too: the tests run whole models.
        .target(
            name: "CTensorKernels",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off"])],
            linkerSettings: [.linkedLibrary("m")]),
        .target(
            name: "CLibSVM",
            cxxSettings: [.unsafeFlags(["-O3"])],
            linkerSettings: [.linkedLibrary("svm")]),
        module("JSONDocuments", ["CJansson"]),
        module("TensorEngine", ["COpenBLAS", "CTensorKernels"]),
        module("ModelFormats", ["JSONDocuments", "TensorEngine", "CHDF5", "CZip", crypto]),
        module("Training", ["JSONDocuments", "TensorEngine", "ModelFormats", "CLibSVM", crypto]),
        module("KafkaClient", ["CRdKafka", logging, metrics]),
        module(
            "ModelRegistry",
            ["JSONDocuments", "TensorEngine", "ModelFormats", "KafkaClient", crypto, logging]),
        module(
            "Serving",
            [
                "JSONDocuments", "TensorEngine", "ModelFormats", "Training", "KafkaClient", "ModelRegistry",
                "CSimdJSON",
                crypto, deque, protobuf, logging, metrics, lifecycle,
            ]),
        module("Gateway", ["Serving", hummingbird, logging, metrics, lifecycle]),
        .executableTarget(
            name: "MillraceCommand",
            dependencies: [
                "JSONDocuments", "TensorEngine", "ModelFormats", "Training", "KafkaClient", "ModelRegistry", "Serving",
                "Gateway",
                argumentParser, configuration, yams, logging, metrics, lifecycle, signals,
            ],
            resources: [.copy("Resources/digits")],
            swiftSettings: strict),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        tests("JSONDocumentsTests", ["JSONDocuments", "TestSupport"]),
        tests("TensorEngineTests", ["TensorEngine", "COpenBLAS", "CTensorKernels"], resources: [.copy("Fixtures")]),
        tests("ModelFormatsTests", ["ModelFormats", "JSONDocuments", "TensorEngine", "TestSupport"]),
        tests("TrainingTests", ["Training", "ModelFormats", "JSONDocuments", "TensorEngine", "TestSupport"]),
        tests("KafkaClientTests", ["KafkaClient", logging]),
        tests(
            "ModelRegistryTests",
            [
                "ModelRegistry", "JSONDocuments", "KafkaClient", "ModelFormats", "TensorEngine", "TestSupport", logging,
            ]),
        tests(
            "ServingTests",
            [
                "Serving", "JSONDocuments", "TensorEngine", "ModelFormats", "Training", "ModelRegistry", "KafkaClient",
                "TestSupport", logging, protobuf, metricsTestKit,
            ]),
        tests("GatewayTests", ["Gateway", "Serving", hummingbird, logging, metrics, lifecycle]),
        tests(
            "MillraceCommandTests",
            [
                "MillraceCommand", "Serving", "Training", "ModelFormats", "KafkaClient", "TensorEngine",
                "JSONDocuments",
                "TestSupport", yams, configuration, logging,
            ]),
        tests(
            "IntegrationTests",
            [
                "Serving", "ModelRegistry", "ModelFormats", "Training", "KafkaClient", "TensorEngine", "JSONDocuments",
                "TestSupport", logging, metricsTestKit,
            ]),
    ],
    cxxLanguageStandard: .cxx17
)

// The fuzzer is linked with libFuzzer's own `main`, so that it is part of the package only for `make fuzz`.
if Context.environment["MILLRACE_FUZZING"] == "1" {
    package.targets += [
        .target(name: "CFuzzProcess", path: "Tests/Fuzzing/CFuzzProcess"),
        .executableTarget(
            name: "millrace-fuzz",
            dependencies: [
                "Serving", "ModelFormats", "JSONDocuments", "TensorEngine", "ModelRegistry", "CFuzzProcess", protobuf,
            ],
            path: "Tests/Fuzzing/Harness", swiftSettings: strict),
    ]
}

// What `make sanitize` builds with the thread sanitizer: the engine, the pipeline and their tests, with what tells the
// sanitizer of Swift's mutex. The rest of the package would take longer to build than these tests to run.
if Context.environment["MILLRACE_SANITIZING"] == "1" {
    let sanitized: Set = ["TensorEngineTests", "ServingTests"]
    package.products = []
    package.targets.removeAll { target in
        target.type == .executable || target.name == "Gateway" || target.isTest && !sanitized.contains(target.name)
    }
    package.targets.append(.target(name: "CMutexAnnotations", path: "Tests/Sanitizing/CMutexAnnotations"))
    for target in package.targets where target.isTest { target.dependencies.append("CMutexAnnotations") }
}
