-- Changes that a CRM has put into the ledger within a transaction of its own: see atsbridge.sync.enqueued.

CREATE TABLE enqueued (
    connection TEXT NOT NULL,
    event_id TEXT NOT NULL,
    change TEXT NOT NULL,
    PRIMARY KEY (connection, event_id)
) WITHOUT ROWID;

-- Whether it was one of these: the CRM's feed and its open changes may know nothing of it.
ALTER TABLE status_update ADD COLUMN enqueued INTEGER NOT NULL DEFAULT 0;
