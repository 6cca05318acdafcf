-- Read models. The worker's role makes the tables and owns them (adapters/postgres/projection_tables.py), since a new version of one is
-- filled beside the old one and takes its place; nothing else is the worker's to change.

CREATE SCHEMA projections;
GRANT USAGE, CREATE ON SCHEMA projections TO accompany_worker;
GRANT USAGE ON SCHEMA projections TO accompany_service;

-- How far each projection has come: it holds what the events up to `position` say, each counted once, since this row moves in the
-- transaction that writes its rows. Where it stopped, `error` says why (a code, never a value) and the event after `position` is
-- the one that it could not take.
CREATE TABLE projections.tracking (
    projection text PRIMARY KEY,
    version integer NOT NULL,
    position bigint NOT NULL,
    error text,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT ON projections.tracking TO accompany_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON projections.tracking TO accompany_worker;
