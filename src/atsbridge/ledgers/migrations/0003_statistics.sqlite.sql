-- What the planner cannot guess: one connection has very many rows. Left to itself it takes the first
-- column of a primary key for a good one, and walks every intent there ever was for each write.
-- https://www.sqlite.org/optoverview.html#manual_control_of_query_plans_using_sqlite_stat_tables
-- Per index: rows in all, then rows for each value of its first column, first two columns, ...

ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('intent', 'intent', '1000000 100000 1'),
    ('intent', 'intent_open', '1000000 100000 1000 1'),
    ('intent', 'intent_application', '1000000 100000 4 2'),
    ('status_update', 'status_update', '1000000 100000 1'),
    ('status_update', 'status_update_application', '1000000 100000 4 1'),
    ('status_update', 'status_update_undelivered', '1000000 100000 1000 100');
ANALYZE sqlite_schema;
