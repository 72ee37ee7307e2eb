import Glibc

/// The C library's words for an error number, its first letter in lower case: they stand inside a sentence.
func errorText(_ number: Int32) -> String {
  let text = String(cString: strerror(number))
  return text.prefix(1).lowercased() + text.dropFirst()
}
