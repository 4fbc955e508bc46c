-- When each verb of a connection is due next, for all workers on the ledger: see atsbridge.sync.turns.

CREATE TABLE turn (
    connection TEXT NOT NULL,
    verb TEXT NOT NULL,
    due_at REAL NOT NULL,
    boot TEXT NOT NULL,
    PRIMARY KEY (connection, verb)
) WITHOUT ROWID;
