extension XMLTree {
  /// The document as text, in UTF-8 when it is written out, without an XML declaration.
  public var xml: String {
    var out = ""
    for node in prolog {
      node.write(to: &out)
      out += "\n"
    }
    root.write(to: &out)
    out += "\n"
    for node in epilog {
      node.write(to: &out)
      out += "\n"
    }
    return out
  }
}

extension XMLTree.Element {
  /// The element alone as text.
  public var xml: String {
    var out = ""
    write(to: &out)
    return out
  }

  func write(to out: inout String) {
    out += "<\(name)"
    for attribute in attributes { out += " \(attribute.name)=\"\(attribute.value.escaped(inAttribute: true))\"" }
    guard !children.isEmpty else {
      out += "/>"
      return
    }
    out += ">"
    for child in children { child.write(to: &out) }
    out += "</\(name)>"
  }
}

extension XMLTree.Node {
  func write(to out: inout String) {
    switch self {
    case .element(let element): element.write(to: &out)
    case .text(let text): out += text.escaped(inAttribute: false)
    case .cdata(let text):
      // A section can't hold its own end: two sections next to each other mean the same.
      out += "<![CDATA[\(text.splittingSectionEnds)]]>"
    case .comment(let text): out += "<!--\(text)-->"
    case .instruction(let target, let data): out += "<?\(target) \(data)?>"
    }
  }
}

extension String {
  /// Parsers turn bare line ends and tabs in attributes into spaces, and a bare carriage return into a line feed.
  fileprivate func escaped(inAttribute: Bool) -> String {
    var out = ""
    out.reserveCapacity(utf8.count)
    for scalar in unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\r": out += "&#13;"
      case "\"" where inAttribute: out += "&quot;"
      case "\n" where inAttribute: out += "&#10;"
      case "\t" where inAttribute: out += "&#9;"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  fileprivate var splittingSectionEnds: String {
    var out = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if scalar == ">", out.suffix(2).elementsEqual("]]".unicodeScalars) {
        out.append(contentsOf: "]]><![CDATA[".unicodeScalars)
      }
      out.append(scalar)
    }
    return String(out)
  }
}
