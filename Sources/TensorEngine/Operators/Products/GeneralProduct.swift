/// Products of matrices of the types that ``MatMulOperator`` and ``GemmOperator`` have no kernel for: floats accumulate in
/// binary64, integers wrap around.
struct GeneralProduct: NumericVisitor {
    let (m, n, k): (Int, Int, Int)
    let pairs: [(left: Int, right: Int)]
    /// Elements to advance by a row and by a column.
    var leftStrides: (Int, Int)
    var rightStrides: (Int, Int)
    var alpha = 1.0
    /// Factor and strides of an addend.
    var addend: (beta: Double, strides: [Int])?

    init(m: Int, n: Int, k: Int, pairs: [(left: Int, right: Int)]) {
        (self.m, self.n, self.k) = (m, n, k)
        self.pairs = pairs
        (leftStrides, rightStrides) = ((k, 1), (n, 1))
    }

    func visit<Element: NumericElement>(_ type: Element.Type) -> Kernel {
        let product = self
        return Kernel { arguments in
            let (a, b) = (arguments.input(0, as: Element.self), arguments.input(1, as: Element.self))
            let y = arguments.output(0, as: Element.self)
            let c = product.addend == nil ? nil : arguments.input(2, as: Element.self)
            for (index, pair) in product.pairs.enumerated() {
                let left = a + pair.left * product.m * product.k
                let right = b + pair.right * product.k * product.n
                for row in 0..<product.m {
                    for column in 0..<product.n {
                        let from = left + row * product.leftStrides.0
                        let to = right + column * product.rightStrides.1
                        let place = (index * product.m + row) * product.n + column
                        if !Element.isFloatingPoint, product.alpha == 1, c == nil {
                            var sum = Element.zero
                            for p in 0..<product.k {
                                sum = sum.adding(
                                    from[p * product.leftStrides.1].multiplied(by: to[p * product.rightStrides.0]))
                            }
                            y[place] = sum
                            continue
                        }
                        var sum = 0.0
                        for p in 0..<product.k {
                            sum += from[p * product.leftStrides.1].double * to[p * product.rightStrides.0].double
                        }
                        sum *= product.alpha
                        if let c, let addend = product.addend {
                            sum += addend.beta * c[row * addend.strides[0] + column * addend.strides[1]].double
                        }
                        y[place] = Element(rounding: sum)
                    }
                }
            }
        }
    }
}
