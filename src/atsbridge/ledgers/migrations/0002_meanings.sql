-- What the mapping and the ATS's reasons and stages meant when records were last read, and how often
-- that has changed since: see atsbridge.sync.meanings.

ALTER TABLE control ADD COLUMN meanings TEXT NOT NULL DEFAULT '';
ALTER TABLE control ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
