import Glibc

/// Runs a program to its end and keeps what it wrote to standard output.
///
/// The child's standard input and error are `/dev/null`, so that it cannot eat a request from standard input nor write
/// over a terminal; what else this process has open closes on exec.
enum WorkerProcess {
    enum Ending {
        case exited(Int32, [UInt8])
        case signaled(Int32)
    }

    /// It could not be started or watched.
    struct Failure: Error {
        let message: String

        init(_ call: String, _ code: Int32) {
            message = "\(call): " + (strerror(code).map { String(cString: $0) } ?? "error \(code)")
        }
    }

    /// - Parameter outputLimit: a child that writes more is killed.
    static func run(
        _ executable: String, _ arguments: [String], outputLimit: Int
    ) throws(Failure) -> Ending {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure("pipe", errno) }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(readEnd) }
        let child: pid_t
        do throws(Failure) {
            child = try spawn(executable, arguments, output: writeEnd)
        } catch {
            close(writeEnd)
            throw error
        }
        close(writeEnd)
        let output = readAll(readEnd, limit: outputLimit)
        if output == nil { kill(child, SIGKILL) }
        // Always, or the child would remain as a zombie.
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw Failure("waitpid", errno) }
        }
        // WIFSIGNALED and friends are macros: the low seven bits are the signal, the next byte is the exit status.
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF, output ?? []) : .signaled(signal)
    }

    private static func spawn(_ executable: String, _ arguments: [String], output: Int32) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        // Signals that this process blocks or ignores must end the child all the same.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        // A crash is expected: no backtrace of Swift's, which starts a process of its own.
        let environment = ["SWIFT_BACKTRACE=enable=no", "OPENBLAS_NUM_THREADS=1"]
        var child: pid_t = 0
        let code = withCStrings([executable] + arguments) { argv in
            withCStrings(inherited + environment) { envp in
                guard let argv, let envp else { return EINVAL }
                return posix_spawn(&child, executable, &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else { throw Failure("posix_spawn", code) }
        return child
    }

    /// What a program needs to start and find its libraries; nothing that is secret.
    private static var inherited: [String] {
        let names = ["PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "LANG", "LC_ALL"]
        return names.compactMap { (name: String) -> String? in
            getenv(name).map { "\(name)=\(String(cString: $0))" }
        }
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result
    ) -> Result {
        let pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }

    /// Until the end; nil beyond `limit`.
    private static func readAll(_ descriptor: Int32, limit: Int) -> [UInt8]? {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return result }
            guard result.count + count <= limit else { return nil }
            result += buffer[..<count]
        }
    }
}
