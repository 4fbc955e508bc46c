-- The first schema. Ledger times and wall times are REAL seconds; nothing here is personal data.

CREATE TABLE control (
    connection TEXT NOT NULL,
    paused INTEGER NOT NULL,
    paused_why TEXT NOT NULL,
    stopped TEXT NOT NULL,
    next_delivery INTEGER NOT NULL,
    next_number INTEGER NOT NULL,
    feed TEXT,
    mapping TEXT NOT NULL,
    PRIMARY KEY (connection)
) WITHOUT ROWID;

CREATE TABLE lease (
    connection TEXT NOT NULL,
    lane TEXT NOT NULL,
    fence INTEGER NOT NULL,
    worker TEXT NOT NULL,
    until REAL NOT NULL,
    boot TEXT NOT NULL,
    PRIMARY KEY (connection, lane)
) WITHOUT ROWID;

CREATE TABLE position (
    connection TEXT NOT NULL,
    stream TEXT NOT NULL,
    job TEXT NOT NULL,
    watermark TEXT,
    cursor TEXT,
    seen TEXT NOT NULL,
    pages INTEGER NOT NULL,
    restarts INTEGER NOT NULL,
    finished_at REAL,
    PRIMARY KEY (connection, stream, job)
) WITHOUT ROWID;

CREATE TABLE known (
    connection TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    digest BLOB,
    read_at REAL NOT NULL,
    seen INTEGER NOT NULL,
    deleted TEXT,
    job TEXT,
    stage TEXT,
    status TEXT,
    reason TEXT,
    token TEXT,
    delivery INTEGER NOT NULL,
    content TEXT,
    PRIMARY KEY (connection, kind, id)
) WITHOUT ROWID;

CREATE TABLE waiting (
    connection TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent_kind TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    since REAL NOT NULL,
    PRIMARY KEY (connection, kind, id)
) WITHOUT ROWID;

CREATE TABLE quarantined (
    connection TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    path TEXT NOT NULL,
    why TEXT NOT NULL,
    digest BLOB,
    first_at REAL NOT NULL,
    last_at REAL NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (connection, kind, id)
) WITHOUT ROWID;

CREATE TABLE status_update (
    connection TEXT NOT NULL,
    event_id TEXT NOT NULL,
    application TEXT NOT NULL,
    number INTEGER NOT NULL,
    sequence INTEGER,
    step TEXT,
    status TEXT,
    reason TEXT,
    base_stage TEXT,
    base_status TEXT,
    base_delivery INTEGER NOT NULL,
    base_token TEXT,
    by_bridge INTEGER NOT NULL,
    actor TEXT,
    occurred_at REAL,
    taken_at REAL NOT NULL,
    waits_for TEXT,
    open INTEGER NOT NULL,
    result TEXT,
    receipt TEXT,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (connection, event_id)
) WITHOUT ROWID;

CREATE TABLE intent (
    connection TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    application TEXT NOT NULL,
    number INTEGER NOT NULL,
    part INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    action TEXT NOT NULL,
    target_stage TEXT,
    target_status TEXT NOT NULL,
    target_reason TEXT,
    expected_stage TEXT,
    expected_status TEXT NOT NULL,
    acting_user TEXT,
    after TEXT,
    not_after REAL,
    state TEXT NOT NULL,
    not_before REAL NOT NULL,
    boot TEXT NOT NULL,
    returns INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    open_attempts INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    write TEXT,
    signal TEXT,
    request_digest TEXT,
    send_by REAL,
    settles_at REAL,
    before TEXT,
    after_state TEXT,
    result TEXT,
    why TEXT NOT NULL,
    gap TEXT,
    overwritten TEXT,
    evidence TEXT,
    read_at REAL,
    closed_at REAL,
    PRIMARY KEY (connection, intent_id)
) WITHOUT ROWID;

CREATE TABLE attempt (
    connection TEXT NOT NULL,
    intent_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at REAL NOT NULL,
    write TEXT NOT NULL,
    digest TEXT NOT NULL,
    outcome TEXT NOT NULL,
    answer INTEGER,
    request_id TEXT NOT NULL,
    answered_at REAL,
    PRIMARY KEY (connection, intent_id, number)
) WITHOUT ROWID;

CREATE TABLE run (
    connection TEXT NOT NULL,
    number INTEGER NOT NULL,
    verb TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at REAL,
    summary TEXT,
    PRIMARY KEY (connection, number)
) WITHOUT ROWID;

CREATE INDEX status_update_application ON status_update (connection, application, number);
CREATE INDEX status_update_undelivered ON status_update (connection, delivered, open);
CREATE INDEX intent_open ON intent (connection, state, number);
CREATE INDEX intent_application ON intent (connection, application, number);
CREATE INDEX attempt_at ON attempt (connection, at);
CREATE INDEX waiting_parent ON waiting (connection, parent_kind, parent_id);
