import LedgerStore
import PoolFlows

/// `LedgerStore` plays `Ledger`: the calls are the same.
extension LedgerStore: Ledger {}
