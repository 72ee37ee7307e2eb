/// An XML document as values: everything that carries meaning is kept, and so are comments, CDATA sections, the order of
/// attributes and white space.
public struct XMLTree: Hashable, Sendable {
  /// Comments and processing instructions before the root element.
  public var prolog: [Node]
  public var root: Element
  /// Comments and processing instructions after the root element.
  public var epilog: [Node]

  public init(root: Element, prolog: [Node] = [], epilog: [Node] = []) {
    self.prolog = prolog
    self.root = root
    self.epilog = epilog
  }

  public enum Node: Hashable, Sendable {
    case element(Element)
    case text(String)
    case cdata(String)
    case comment(String)
    case instruction(target: String, data: String)
  }

  public struct Attribute: Hashable, Sendable {
    /// As written, with its prefix; namespace declarations (`xmlns:vfpool`) are attributes too.
    public var name: String
    public var value: String
    /// Nil for an attribute that was made here.
    public var line: Int?

    public init(_ name: String, _ value: String, line: Int? = nil) {
      self.name = name
      self.value = value
      self.line = line
    }
  }

  public struct Element: Hashable, Sendable {
    /// As written, with its prefix.
    public var name: String
    /// The namespace that the prefix stands for; nil = none.
    public var namespace: String?
    public var attributes: [Attribute]
    public var children: [Node]
    /// The line of its start tag; nil for an element that was made here.
    public var line: Int?

    public init(
      _ name: String, namespace: String? = nil, attributes: [Attribute] = [], children: [Node] = [], line: Int? = nil
    ) {
      self.name = name
      self.namespace = namespace
      self.attributes = attributes
      self.children = children
      self.line = line
    }
  }
}

extension XMLTree.Element {
  /// The name without its prefix.
  public var localName: String { name.split(separator: ":").last.map(String.init) ?? name }

  /// Child elements, comments and text left out.
  public var elements: [XMLTree.Element] {
    children.compactMap { if case .element(let element) = $0 { element } else { nil } }
  }

  /// Child elements of this name and of no namespace, as libvirt's XPath `./name` finds them.
  public func children(_ name: String) -> [XMLTree.Element] {
    elements.filter { $0.name == name && $0.namespace == nil }
  }

  /// The first child of this name and of no namespace.
  public func child(_ name: String) -> XMLTree.Element? { children(name).first }

  /// The value of an attribute without a prefix.
  public subscript(name: String) -> String? { attributes.first { $0.name == name }?.value }

  /// All text in it, CDATA sections included, as XPath's `string()` gives it.
  public var text: String {
    children.map { child in
      switch child {
      case .text(let text), .cdata(let text): text
      case .element(let element): element.text
      case .comment, .instruction: ""
      }
    }.joined()
  }

  /// The same as if it had been made here: two elements that say the same are then equal, wherever they stood.
  var withoutLines: XMLTree.Element {
    XMLTree.Element(
      name, namespace: namespace, attributes: attributes.map { XMLTree.Attribute($0.name, $0.value) },
      children: children.map { child in
        if case .element(let element) = child { .element(element.withoutLines) } else { child }
      })
  }

  /// The line of an attribute, or of the element's start tag.
  func line(of attribute: String) -> Int? { attributes.first { $0.name == attribute }?.line ?? line }
}
