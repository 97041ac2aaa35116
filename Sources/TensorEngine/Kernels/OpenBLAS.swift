import COpenBLAS

/// OpenBLAS on one thread: the yardstick of the engine's own products. The inference path does not use it, because its
/// rows depend on how many there are.
package enum OpenBLAS {
    /// Set once: the library's own pool would oversubscribe the compute threads.
    private static let isSingleThreaded: Bool = {
        openblas_set_num_threads(1)
        return true
    }()

    /// `c[m, n] = a[m, k] * b[k, n]`, all row-major and contiguous.
    /// - Precondition: the buffers hold `m * k`, `k * n` and `m * n` elements, each extent below 2^31.
    package static func multiply(
        m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>
    ) {
        precondition(isSingleThreaded)
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a, Int32(k), b, Int32(n), 0, c,
            Int32(n))
    }
}
