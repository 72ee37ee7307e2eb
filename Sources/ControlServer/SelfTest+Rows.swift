import ControlAPI
import PoolFlows

extension SelfTestReport {
  init(_ test: SelfTest) {
    self.init(
      vf: test.vf, pci: test.pci, driver: test.driver,
      attributes: test.trials.map { trial in
        TrialRow(
          attribute: trial.attribute, was: trial.was, set: trial.set, outcome: trial.outcome, detail: trial.detail)
      }, left: test.left, quarantined: test.isQuarantined)
  }
}
