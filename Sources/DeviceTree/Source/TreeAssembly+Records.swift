import Diagnostics

/// What a ``TreeAssembly`` keeps of each node and property. Records refer to each other by index; -1 is
/// none.
extension TreeAssembly {
  typealias NodeID = Int32
  typealias PropertyID = Int32

  struct Label {
    var name: String
    var isDeleted = false
  }

  struct NodeRecord {
    var name: String
    var labels: [Label] = []
    var parent: NodeID = -1
    var firstChild: NodeID = -1
    var lastChild: NodeID = -1
    var next: NodeID = -1
    var childCount: Int32 = 0
    var firstProperty: PropertyID = -1
    var lastProperty: PropertyID = -1
    var propertyCount: Int32 = 0
    var isDeleted = false
    var isOmittable = false
    var origin: Origin
  }

  struct PropertyRecord {
    var name: String
    var labels: [Label] = []
    var value: PropertyValue
    var next: PropertyID = -1
    var isDeleted = false
    var origin: Origin
  }
}
