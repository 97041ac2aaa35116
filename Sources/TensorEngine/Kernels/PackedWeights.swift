import CTensorKernels
import Synchronization

/// The packed form of constant right operands, made once and shared by every plan of a compiled graph.
final class PackedWeights: Sendable {
    struct Layout: Hashable, Sendable {
        enum Form: Sendable { case panels, int8, winograd }

        var value: String
        var transposed = false
        /// The bits, so that equality is an equivalence for NaN too.
        var scaleBits: UInt32 = 0
        var form = Form.panels
    }

    private let panelWidth: Int
    private let packed = Mutex<[Layout: Tensor]>([:])

    init(panelWidth: Int) { self.panelWidth = panelWidth }

    var byteCount: Int { packed.withLock { $0.values.reduce(0) { $0 + $1.byteCount } } }

    /// Every matrix of `[…, k, n]` (`[…, n, k]` when transposed), one after the other.
    func matrices(_ layout: Layout, of tensor: Tensor, k: Int, n: Int, count: Int) throws(TensorError) -> Tensor {
        let size = try Self.elementCount(k: k, n: n, panelWidth: panelWidth)
        let shape = try Shape([count, size])
        return packed.withLock { cache in
            if let found = cache[layout] { return found }
            let made = Tensor(.float32, shape: shape) { target in
                tensor.withElements(Float.self) { source in
                    guard let from = source.baseAddress,
                        let to = target.assumingMemoryBound(to: Float.self).baseAddress
                    else { return }
                    for index in 0..<count {
                        mk_pack(
                            from + index * k * n, layout.transposed ? 1 : n, layout.transposed ? k : 1, k, n,
                            panelWidth, Float(bitPattern: layout.scaleBits), to + index * size)
                    }
                }
            }
            cache[layout] = made
            return made
        }
    }

    /// An int8 matrix `[n, k]` packed for `gemm_int8`.
    func int8Matrix(_ value: String, of tensor: Tensor, k: Int, n: Int) throws(TensorError) -> Tensor {
        let lanes = panelWidth / 2
        let (padded, overflow) = n.addingReportingOverflow(lanes - 1)
        guard !overflow, k < Int.max else { throw .invalidShape([n, k], "the packed matrix overflows") }
        let shape = try Shape([padded / lanes, (k + 1) / 2, lanes, 2])
        let layout = Layout(value: value, transposed: true, form: .int8)
        return packed.withLock { cache in
            if let found = cache[layout] { return found }
            let made = Tensor(.int8, shape: shape) { target in
                tensor.withElements(Int8.self) { source in
                    mk_pack_int8(source.baseAddress, k, n, lanes, target.assumingMemoryBound(to: Int8.self).baseAddress)
                }
            }
            cache[layout] = made
            return made
        }
    }

    /// Convolution weights `[filters, channels, 3, 3]` as the left operands `[16, filters, channels]` of
    /// ``WinogradConvolution``.
    func winograd(_ value: String, of tensor: Tensor, filters: Int, channels: Int) throws(TensorError) -> Tensor {
        let shape = try Shape([16, filters, channels])
        let layout = Layout(value: value, form: .winograd)
        return packed.withLock { cache in
            if let found = cache[layout] { return found }
            let made = Tensor(.float32, shape: shape) { target in
                tensor.withElements(Float.self) {
                    mk_winograd_weights(
                        $0.baseAddress, filters, channels, target.assumingMemoryBound(to: Float.self).baseAddress)
                }
            }
            cache[layout] = made
            return made
        }
    }

    /// Floats that a packed `k × n` matrix takes.
    static func elementCount(k: Int, n: Int, panelWidth: Int) throws(TensorError) -> Int {
        let (padded, overflow) = n.addingReportingOverflow(panelWidth - 1)
        guard !overflow else { throw .invalidShape([k, n], "the packed matrix overflows") }
        return try Shape([k, padded / panelWidth * panelWidth]).elementCount
    }
}
