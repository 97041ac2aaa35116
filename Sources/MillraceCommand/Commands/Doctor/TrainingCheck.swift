import FoundationEssentials
import Glibc

/// What training needs of the configuration and of this machine.
struct TrainingCheck {
    let configuration: MillraceConfiguration
    let cores: Int

    func findings() -> [Finding] {
        let training = configuration.training
        return registry + [threads] + StoreCheck.directory(training.checkpoints, "training.checkpoints")
            + (training.dataFolder.map { [dataFolder($0)] } ?? [])
    }

    private var registry: [Finding] {
        guard configuration.models.registry != .topic else { return [] }
        return [
            Finding(
                .error, "training",
                "models.registry is \(configuration.models.registry.rawValue): a job ends in one transaction with its "
                    + "version's event",
                expected: "topic", fix: "set models.registry: topic, or training.enabled: false")
        ]
    }

    private var threads: Finding {
        let training = configuration.training
        let inference = configuration.pipeline.threads
        let found = "training.threads is \(training.threads), there are \(cores) cores"
        if training.threads > cores {
            return Finding(
                .warning, "training", "\(found): fits take time and caches from each other",
                expected: "\(cores) at most", fix: "set training.threads to \(cores) or less")
        }
        if training.niceness == 0, training.threads + inference > cores {
            return Finding(
                .warning, "training",
                "\(found), pipeline.threads is \(inference) and training.niceness 0: requests wait for fits",
                expected: "a niceness above 0, or a core for each thread", fix: "set training.niceness: 10")
        }
        return Finding(.ok, "training", "\(found), niceness \(training.niceness)")
    }

    private func dataFolder(_ path: String) -> Finding {
        let subject = "training.data-folder"
        var isFolder: Bool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder else {
            return Finding(
                .error, subject, "\(path) is no folder: every request that names a file fails",
                expected: "a folder, or none", fix: "mkdir -p \(path)")
        }
        guard access(path, R_OK | X_OK) == 0 else {
            return Finding(
                .error, subject, "\(path): \(String(cString: strerror(errno)))", expected: "readable by this user",
                fix: "chmod u+rx \(path)")
        }
        return Finding(.ok, subject, "\(path) is readable")
    }
}
