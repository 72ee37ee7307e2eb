import ControlAPI
import PoolFlows

extension PlanReport {
  public init(_ plan: Plan) {
    self.init(
      steps: plan.steps, disruptedGuests: plan.disruptedGuests, token: plan.token, done: plan.done, notes: plan.notes,
      changes: plan.changes)
  }
}
