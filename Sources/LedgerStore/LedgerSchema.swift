import GRDB

/// The ledger's tables. A released migration is never edited: a change is a further one.
enum LedgerSchema {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { try $0.execute(sql: first) }
    migrator.registerMigration("2") {
      try $0.execute(sql: "ALTER TABLE baseline ADD COLUMN rssQuery INTEGER CHECK (rssQuery IN (0, 1))")
    }
    migrator.registerMigration("3") { try $0.execute(sql: "ALTER TABLE lease ADD COLUMN settings TEXT") }
    migrator.registerMigration("4") {
      try $0.execute(
        sql: """
          CREATE TABLE vfCount (
            pf TEXT PRIMARY KEY NOT NULL,
            mac TEXT,
            name TEXT NOT NULL,
            count INTEGER NOT NULL CHECK (count >= 0)
          ) STRICT;
          """)
    }
    migrator.registerMigration("5") { try $0.execute(sql: idsUsedOnce) }
    migrator.registerMigration("6") {
      try $0.execute(
        sql: "ALTER TABLE quarantine ADD COLUMN byAdmin INTEGER NOT NULL DEFAULT 0 CHECK (byAdmin IN (0, 1))")
    }
    migrator.registerMigration("7") { try $0.execute(sql: bindingsByName) }
    migrator.registerMigration("8") { try $0.execute(sql: audit) }
    migrator.registerMigration("9") { try $0.execute(sql: "ALTER TABLE macBinding ADD COLUMN since INTEGER") }
    migrator.registerMigration("10") { try $0.execute(sql: identity) }
    return migrator
  }

  private static let identity = """
    CREATE TABLE identity (id TEXT NOT NULL) STRICT;
    INSERT INTO identity VALUES (lower(hex(randomblob(16))));
    """

  static func renewIdentity(_ database: Database) throws {
    try database.execute(sql: "UPDATE identity SET id = lower(hex(randomblob(16)))")
  }

  private static let audit = """
    CREATE TABLE audit (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      time INTEGER NOT NULL,
      uid INTEGER,
      user TEXT,
      pid INTEGER,
      operation TEXT NOT NULL,
      object TEXT NOT NULL,
      body TEXT,
      outcome TEXT,
      until INTEGER
    ) STRICT;
    CREATE INDEX auditByTime ON audit (time, id);
    """

  /// A binding's guest may be known by its name only: `owner` is its UUID, or its name behind `name `.
  private static let bindingsByName = """
    CREATE TABLE newBinding (
      owner TEXT NOT NULL,
      pool TEXT NOT NULL,
      nic INTEGER NOT NULL,
      guest TEXT NOT NULL,
      guestUUID TEXT,
      mac TEXT NOT NULL,
      lastVF TEXT,
      lastSeen INTEGER,
      isOwed INTEGER NOT NULL CHECK (isOwed IN (0, 1)),
      PRIMARY KEY (owner, pool, nic),
      CHECK (owner = coalesce(guestUUID, 'name ' || guest))
    ) STRICT;
    INSERT INTO newBinding
      SELECT guestUUID, pool, nic, guest, guestUUID, mac, lastVF, lastSeen, 0 FROM macBinding;
    DROP TABLE macBinding;
    ALTER TABLE newBinding RENAME TO macBinding;
    CREATE INDEX bindingOfMAC ON macBinding (mac);
    """

  /// The history forgets, so SQLite's own counter of AUTOINCREMENT, which never does, is asked too.
  private static let idsUsedOnce = """
    DROP TRIGGER leaseIDUsedOnce;
    CREATE TRIGGER leaseIDUsedOnce BEFORE INSERT ON lease
    WHEN NEW.id <= (SELECT seq FROM sqlite_sequence WHERE name = 'lease')
      OR EXISTS (SELECT 1 FROM history WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the lease''s id was used before'); END;
    """

  /// MAC and PCI addresses are text as people read it, times are milliseconds since 1970 in UTC.
  ///
  /// Bindings, history, holds and baselines outlive their pool, so only leases refer to it.
  private static let first = """
    CREATE TABLE pool (
      name TEXT PRIMARY KEY NOT NULL,
      uuid TEXT,
      mode TEXT NOT NULL,
      details TEXT NOT NULL,
      netdef TEXT NOT NULL
    ) STRICT;

    CREATE TABLE baseline (
      vf TEXT PRIMARY KEY NOT NULL,
      mac TEXT NOT NULL,
      vlan INTEGER CHECK (vlan BETWEEN 1 AND 4094),
      qos INTEGER CHECK (qos BETWEEN 0 AND 7),
      vlanProto TEXT,
      spoofchk INTEGER CHECK (spoofchk IN (0, 1)),
      trust INTEGER CHECK (trust IN (0, 1)),
      linkState TEXT,
      minTxRate INTEGER CHECK (minTxRate BETWEEN 0 AND 4294967295),
      maxTxRate INTEGER CHECK (maxTxRate BETWEEN 0 AND 4294967295),
      taken INTEGER NOT NULL,
      CHECK ((vlan IS NULL) = (qos IS NULL) AND (vlan IS NULL) = (vlanProto IS NULL))
    ) STRICT;

    CREATE TABLE lease (
      id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id > 0),
      pool TEXT NOT NULL REFERENCES pool (name) ON DELETE RESTRICT,
      guest TEXT NOT NULL,
      guestUUID TEXT NOT NULL,
      nic INTEGER NOT NULL,
      mac TEXT NOT NULL,
      vf TEXT,
      pf TEXT,
      vfIndex INTEGER,
      state TEXT NOT NULL CHECK (state IN ('recorded', 'allocated', 'active', 'freed')),
      portgroup TEXT,
      port TEXT UNIQUE,
      since INTEGER NOT NULL,
      bootID TEXT NOT NULL,
      CHECK ((pf IS NULL) = (vfIndex IS NULL))
    ) STRICT;
    CREATE INDEX leaseOfPool ON lease (pool);
    -- A recorded lease only wishes for its VF, a freed one has given it back.
    CREATE UNIQUE INDEX leaseHoldingVF ON lease (vf) WHERE state IN ('allocated', 'active');

    CREATE TABLE history (
      id INTEGER PRIMARY KEY NOT NULL,
      pool TEXT NOT NULL,
      guest TEXT NOT NULL,
      guestUUID TEXT NOT NULL,
      nic INTEGER NOT NULL,
      mac TEXT NOT NULL,
      vf TEXT,
      pf TEXT,
      vfIndex INTEGER,
      state TEXT NOT NULL,
      portgroup TEXT,
      port TEXT,
      since INTEGER NOT NULL,
      bootID TEXT NOT NULL,
      until INTEGER NOT NULL,
      reason TEXT NOT NULL,
      CHECK ((pf IS NULL) = (vfIndex IS NULL))
    ) STRICT;
    CREATE INDEX historyByEnd ON history (until, id);
    CREATE INDEX historyOfMAC ON history (mac, until, id);
    CREATE INDEX historyOfGuest ON history (guest, until, id);
    CREATE INDEX historyOfGuestUUID ON history (guestUUID, until, id);
    CREATE INDEX historyOfVF ON history (vf, until, id);
    CREATE INDEX historyOfPool ON history (pool, until, id);

    CREATE TRIGGER leaseIDUsedOnce BEFORE INSERT ON lease
    WHEN EXISTS (SELECT 1 FROM history WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'the lease''s id was used before'); END;

    CREATE TABLE hold (
      port TEXT PRIMARY KEY NOT NULL,
      pool TEXT NOT NULL,
      vf TEXT NOT NULL,
      guest TEXT,
      guestUUID TEXT,
      CHECK ((guest IS NULL) = (guestUUID IS NULL))
    ) STRICT;

    CREATE TABLE macBinding (
      guestUUID TEXT NOT NULL,
      pool TEXT NOT NULL,
      nic INTEGER NOT NULL,
      guest TEXT NOT NULL,
      mac TEXT NOT NULL,
      lastVF TEXT,
      lastSeen INTEGER NOT NULL,
      PRIMARY KEY (guestUUID, pool, nic)
    ) STRICT;
    CREATE INDEX bindingOfMAC ON macBinding (mac);

    CREATE TABLE quarantine (
      vf TEXT PRIMARY KEY NOT NULL,
      why TEXT NOT NULL,
      since INTEGER NOT NULL,
      port TEXT
    ) STRICT;
    """
}
