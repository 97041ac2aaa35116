/// The extents of a tensor, outermost first. A scalar has no dimensions and one element.
public struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// Every extent is ≥ 0 and the product of those that are not zero fits `Int`, so that no product of some of them
    /// overflows; both are checked when the shape is made.
    public let dimensions: [Int]
    /// The product of the dimensions.
    public let elementCount: Int

    /// - Throws: ``TensorError/invalidShape(_:_:)`` for a negative extent or a product that overflows.
    public init(_ dimensions: [Int]) throws(TensorError) {
        var count = 1
        for extent in dimensions {
            guard extent >= 0 else { throw .invalidShape(dimensions, "extent \(extent) is negative") }
            let (product, overflow) = count.multipliedReportingOverflow(by: max(extent, 1))
            guard !overflow else { throw .invalidShape(dimensions, "the number of elements overflows") }
            count = product
        }
        self.dimensions = dimensions
        self.elementCount = dimensions.contains(0) ? 0 : count
    }

    /// For literals in code; outside data goes through the throwing initializer.
    public init(arrayLiteral elements: Int...) {
        precondition(elements.allSatisfy { $0 >= 0 }, "shape literal with a negative extent")
        self.dimensions = elements
        self.elementCount = elements.reduce(1, *)
    }

    public var rank: Int { dimensions.count }
    public var description: String { "[\(dimensions.map(String.init).joined(separator: ", "))]" }

    public subscript(axis: Int) -> Int { dimensions[axis] }

    /// The same shape with another outermost extent.
    /// - Throws: ``TensorError`` when the shape is a scalar or the product overflows.
    public func withLeadingDimension(_ extent: Int) throws(TensorError) -> Shape {
        guard rank > 0 else { throw .invalidShape(dimensions, "a scalar has no leading dimension") }
        return try Shape([extent] + dimensions.dropFirst())
    }
}
