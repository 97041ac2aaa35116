import Glibc

/// How much a terminal shows.
struct TerminalSize: Sendable, Equatable {
    var columns = 80
    var rows = 24

    /// Of the terminal that a descriptor is; what a terminal does not say is 80 by 24.
    static func current(_ descriptor: Int32) -> TerminalSize {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return TerminalSize()
        }
        return TerminalSize(columns: Int(size.ws_col), rows: Int(size.ws_row))
    }
}
