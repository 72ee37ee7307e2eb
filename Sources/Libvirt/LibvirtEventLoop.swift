import Clibvirt
import Glibc

/// The one event loop of the process, on which libvirt reads its sockets and calls back.
public enum LibvirtEventLoop {
  /// Registers libvirt's default event loop and runs it on a thread of its own for ever; also keeps libvirt from
  /// printing errors to stderr.
  ///
  /// Must come before the first connection, which `LibvirtConnection` sees to. Calling it again does nothing. The loop
  /// sleeps while nothing happens.
  public static func start() {
    started
  }

  private static let started: Void = {
    // Without a function of our own, libvirt prints each error that we are about to throw.
    virSetErrorFunc(nil) { _, _ in }
    guard virEventRegisterDefaultImpl() == 0 else { return }
    var thread = pthread_t()
    let failure = pthread_create(&thread, nil, { _ in runForEver() }, nil)
    precondition(failure == 0, "cannot create the thread of libvirt's event loop: errno \(failure)")
    pthread_detach(thread)
  }()

  private static func runForEver() -> Never {
    while true {
      // Fails when poll does; a pause keeps a lasting failure from burning a CPU.
      if virEventRunDefaultImpl() < 0 { sleep(1) }
    }
  }
}
