-- What is left of a vendor's rate limits, for all workers on the ledger: see atsbridge.sync.budgets.

CREATE TABLE budget (
    connection TEXT NOT NULL,
    name TEXT NOT NULL,
    stated REAL NOT NULL,
    size REAL NOT NULL,
    level REAL NOT NULL,
    at REAL,
    reset_at REAL NOT NULL,
    blocked_until REAL NOT NULL,
    boot TEXT NOT NULL,
    PRIMARY KEY (connection, name)
) WITHOUT ROWID;
