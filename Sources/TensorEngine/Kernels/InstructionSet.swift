import CTensorKernels

/// The processor family whose kernels a compiled graph runs; results are the same bits within one family.
public enum InstructionSet: String, Sendable, Hashable, CaseIterable {
    case baseline, avx2, avx512

    /// What this processor has, the fastest last.
    public static var available: [InstructionSet] { allCases.filter { $0.kernels != nil } }

    var kernels: KernelTable? {
        let set: mk_instruction_set =
            switch self {
            case .baseline: MK_BASELINE
            case .avx2: MK_AVX2
            case .avx512: MK_AVX512
            }
        return mk_kernels_for(set).map(KernelTable.init)
    }
}

/// The C functions of one instruction set; static, immutable memory, hence sendable.
struct KernelTable: @unchecked Sendable {
    let functions: mk_kernels

    init(_ pointer: UnsafePointer<mk_kernels>) {
        self.functions = pointer.pointee
    }

    /// Columns in a panel of a packed right operand.
    var panelWidth: Int { functions.panel_width }
}
