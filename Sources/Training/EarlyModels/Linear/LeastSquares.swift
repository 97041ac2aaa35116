/// min |A x - b|, by Householder QR with column pivoting on columns of length one; where the columns are dependent the
/// shortest x, by a second QR (complete orthogonal decomposition; Golub and Van Loan, "Matrix Computations", 5.5).
struct LeastSquares {
    let rows: Int
    let columns: Int
    /// A, column after column.
    var matrix: [Double]
    /// b.
    var right: [Double]

    init(rows: Int, columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        matrix = [Double](repeating: 0, count: rows * columns)
        right = [Double](repeating: 0, count: rows)
    }

    /// x and how many columns are independent.
    mutating func solve(_ shouldContinue: () throws -> Void) throws -> (values: [Double], rank: Int) {
        guard columns > 0 else { return ([], 0) }
        let lengths = scaleColumns()
        var order = Array(0..<columns)
        var rank = 0
        try matrix.withUnsafeMutableBufferPointer { a in
            try right.withUnsafeMutableBufferPointer { b in
                rank = try Self.factorize(a, b, rows, columns, &order, shouldContinue)
            }
        }
        // R x = Qᵀb for the independent columns, in the order of the pivots.
        var values = [Double](repeating: 0, count: columns)
        if rank == columns {
            let solved = Self.backSubstitute(matrix, rows, rank, right)
            for (place, column) in order.enumerated() { values[column] = solved[place] / lengths[column] }
            return (values, rank)
        }
        guard rank > 0 else { return (values, 0) }
        // The shortest x with R x = c: x = Q₂ y for Rᵀ = Q₂ R₂ and R₂ᵀ y = c, R's columns having their own lengths again.
        var transposed = LeastSquares(rows: columns, columns: rank)
        for place in 0..<columns {
            for row in 0..<min(rank, place + 1) {
                transposed.matrix[row * columns + place] = matrix[place * rows + row] * lengths[order[place]]
            }
        }
        let shortest = try transposed.shortest(Array(right[..<rank]), shouldContinue)
        for (place, column) in order.enumerated() { values[column] = shortest[place] }
        return (values, rank)
    }

    private mutating func scaleColumns() -> [Double] {
        var lengths: [Double] = []
        for column in 0..<columns {
            let range = column * rows..<(column + 1) * rows
            let largest = matrix[range].reduce(0) { max($0, abs($1)) }
            let sum = largest > 0 ? matrix[range].reduce(0) { $0 + ($1 / largest) * ($1 / largest) } : 0
            let length = largest > 0 ? largest * sum.squareRoot() : 1
            for place in range { matrix[place] /= length }
            lengths.append(length)
        }
        return lengths
    }

    /// Householder reflections of A's columns and of b; below the diagonal the vectors stay. Returns the rank.
    private static func factorize(
        _ a: UnsafeMutableBufferPointer<Double>, _ b: UnsafeMutableBufferPointer<Double>, _ rows: Int, _ columns: Int,
        _ order: inout [Int], _ shouldContinue: () throws -> Void
    ) throws -> Int {
        guard let start = a.baseAddress, let right = b.baseAddress else { return 0 }
        let tolerance = Double(max(rows, columns)) * Double.ulpOfOne
        // Squared lengths of the columns below the steps done, kept up to date, and what they were when last computed.
        var squares = (0..<columns).map { dot(start + $0 * rows, start + $0 * rows, rows) }
        var computed = squares
        for step in 0..<min(rows, columns) {
            try shouldContinue()
            // The column that is longest below the steps done; the first of equals.
            var (pivot, greatest) = (step, -1.0)
            for column in step..<columns where squares[column] > greatest {
                (pivot, greatest) = (column, squares[column])
            }
            let candidate = start + pivot * rows + step
            let length = dot(candidate, candidate, rows - step).squareRoot()
            guard length > tolerance else { return step }
            if pivot != step {
                order.swapAt(step, pivot)
                squares.swapAt(step, pivot)
                computed.swapAt(step, pivot)
                for row in 0..<rows { a.swapAt(step * rows + row, pivot * rows + row) }
            }
            let vector = start + step * rows + step
            let diagonal = vector[0] > 0 ? -length : length
            vector[0] -= diagonal
            let scale = dot(vector, vector, rows - step)
            for column in step + 1..<max(columns, step + 1) {
                let other = start + column * rows + step
                reflect(other, vector, scale, rows - step)
                squares[column] -= other[0] * other[0]
                // What is left of a difference that has lost its digits is computed anew.
                if squares[column] <= 1e-8 * computed[column] {
                    squares[column] = dot(other + 1, other + 1, rows - step - 1)
                    computed[column] = squares[column]
                }
            }
            reflect(right + step, vector, scale, rows - step)
            // R's diagonal takes the place of the vector, which is done with.
            vector[0] = diagonal
        }
        return min(rows, columns)
    }

    /// The upper triangle of the first `rank` columns.
    private static func backSubstitute(_ a: [Double], _ rows: Int, _ rank: Int, _ right: [Double]) -> [Double] {
        var x = Array(right[..<rank])
        for place in stride(from: rank - 1, through: 0, by: -1) {
            x[place] /= a[place * rows + place]
            for row in 0..<place { x[row] -= a[place * rows + row] * x[place] }
        }
        return x
    }

    /// The shortest x with Aᵀ x = c for an A of full column rank.
    private mutating func shortest(_ c: [Double], _ shouldContinue: () throws -> Void) throws -> [Double] {
        var vectors: [(values: [Double], scale: Double)] = []
        try matrix.withUnsafeMutableBufferPointer { a in
            guard let start = a.baseAddress else { return }
            for step in 0..<columns {
                try shouldContinue()
                let vector = start + step * rows + step
                let length = dot(vector, vector, rows - step).squareRoot()
                let diagonal = vector[0] > 0 ? -length : length
                vector[0] -= diagonal
                let scale = dot(vector, vector, rows - step)
                for column in step + 1..<max(columns, step + 1) {
                    Self.reflect(start + column * rows + step, vector, scale, rows - step)
                }
                vectors.append(((0..<rows - step).map { vector[$0] }, scale))
                vector[0] = diagonal
            }
        }
        // R₂ᵀ is lower triangular.
        var x = [Double](repeating: 0, count: rows)
        for place in 0..<columns {
            var sum = c[place]
            for row in 0..<place { sum -= matrix[place * rows + row] * x[row] }
            x[place] = sum / matrix[place * rows + place]
        }
        x.withUnsafeMutableBufferPointer { x in
            guard let start = x.baseAddress else { return }
            for (step, reflection) in vectors.enumerated().reversed() {
                reflection.values.withUnsafeBufferPointer { vector in
                    guard let vector = vector.baseAddress else { return }
                    Self.reflect(start + step, vector, reflection.scale, rows - step)
                }
            }
        }
        return x
    }

    /// x - 2 v (v·x) / (v·v).
    private static func reflect(
        _ x: UnsafeMutablePointer<Double>, _ vector: UnsafePointer<Double>, _ scale: Double, _ count: Int
    ) {
        guard scale > 0 else { return }
        addScaled(x, vector, -2 * dot(x, vector, count) / scale, count)
    }
}

/// Σ x y, in four sums that a processor adds abreast.
func dot(_ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, _ count: Int) -> Double {
    var (a, b, c, d) = (0.0, 0.0, 0.0, 0.0)
    var index = 0
    while index + 4 <= count {
        a += x[index] * y[index]
        b += x[index + 1] * y[index + 1]
        c += x[index + 2] * y[index + 2]
        d += x[index + 3] * y[index + 3]
        index += 4
    }
    while index < count {
        a += x[index] * y[index]
        index += 1
    }
    return (a + b) + (c + d)
}

/// x += factor · y.
func addScaled(_ x: UnsafeMutablePointer<Double>, _ y: UnsafePointer<Double>, _ factor: Double, _ count: Int) {
    var index = 0
    while index < count {
        x[index] += factor * y[index]
        index += 1
    }
}
