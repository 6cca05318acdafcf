-- How far a rebuild of projections has come, so that one that was killed goes on instead of beginning again. The tables that are filled
-- stand beside those that are read; a part and its rows in them are one transaction.

CREATE TABLE projections.rebuild (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- Of the projections, their versions and the program that folds them: another program's rows are of no use.
    what bytea NOT NULL,
    tables text[] NOT NULL,
    -- The parts hold what was recorded up to here; `reached` moves on when later events are followed.
    reads_to bigint NOT NULL,
    reached bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE, DELETE ON projections.rebuild TO accompany_worker;

-- Some streams of one organisation, in the order of their ids.
CREATE TABLE projections.rebuild_parts (
    number integer PRIMARY KEY,
    organisation_id uuid NOT NULL,
    first_stream uuid NOT NULL,
    last_stream uuid NOT NULL,
    events bigint NOT NULL,
    done boolean NOT NULL DEFAULT false
);
ALTER TABLE projections.rebuild_parts ENABLE ROW LEVEL SECURITY;
ALTER TABLE projections.rebuild_parts FORCE ROW LEVEL SECURITY;
CREATE POLICY worker_sees_all ON projections.rebuild_parts TO accompany_worker USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON projections.rebuild_parts TO accompany_worker;

CREATE TABLE projections.rebuild_parked (
    projection text NOT NULL,
    position bigint NOT NULL,
    error text NOT NULL,
    PRIMARY KEY (projection, position)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON projections.rebuild_parked TO accompany_worker;
