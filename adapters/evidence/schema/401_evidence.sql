-- The transparency logs: hashes of the rows of append-only tables, in Merkle trees cut into tiles, and signed checkpoints of them. Nothing
-- in here is personal, and nothing in here is secret. Service and worker read it; it is written by the functions below and by nothing else.

CREATE SCHEMA evidence;
GRANT USAGE ON SCHEMA evidence TO accompany_service, accompany_worker;

-- One row for each log: how many entries are in its tiles, and why it has stopped, if it has (a code, and the position it is about).
CREATE TABLE evidence.logs (
    log text PRIMARY KEY,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    stopped text,
    stopped_at bigint,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Up to 256 hashes of 32 bytes. A tile only ever grows at its end, so one that was narrower is the beginning of what stands here.
CREATE TABLE evidence.tiles (
    log text NOT NULL REFERENCES evidence.logs,
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 7),
    number bigint NOT NULL CHECK (number >= 0),
    hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (log, level, number)
);
-- Hashes do not compress.
ALTER TABLE evidence.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Up to 256 entries of 34 bytes, each after its length in two bytes.
CREATE TABLE evidence.bundles (
    log text NOT NULL REFERENCES evidence.logs,
    number bigint NOT NULL CHECK (number >= 0),
    entries bytea NOT NULL CHECK (octet_length(entries) BETWEEN 36 AND 9216 AND octet_length(entries) % 36 = 0),
    PRIMARY KEY (log, number)
);
ALTER TABLE evidence.bundles ALTER COLUMN entries SET STORAGE EXTERNAL;

-- Every checkpoint that was signed, as the note that it is. A log that is given a new origin begins a new row of checkpoints.
CREATE TABLE evidence.checkpoints (
    log text NOT NULL REFERENCES evidence.logs,
    origin text NOT NULL,
    size bigint NOT NULL CHECK (size > 0),
    note text NOT NULL,
    -- Whether as many witnesses have signed it as the policy in force then asked for.
    witnessed boolean NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, origin, size)
);

-- What witnesses answered: signature lines, which are served with the checkpoint.
CREATE TABLE evidence.cosignatures (
    log text NOT NULL,
    origin text NOT NULL,
    size bigint NOT NULL,
    witness text NOT NULL,
    line text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, origin, size, witness),
    FOREIGN KEY (log, origin, size) REFERENCES evidence.checkpoints
);

-- RFC 3161 responses of a timestamping authority over a checkpoint's own signed text, before witnesses added to it.
CREATE TABLE evidence.timestamps (
    log text NOT NULL,
    origin text NOT NULL,
    size bigint NOT NULL,
    authority text NOT NULL,
    response bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, origin, size, authority),
    FOREIGN KEY (log, origin, size) REFERENCES evidence.checkpoints
);

GRANT SELECT ON evidence.logs, evidence.tiles, evidence.bundles, evidence.checkpoints, evidence.cosignatures, evidence.timestamps
    TO accompany_service, accompany_worker;

-- Puts the next entries into a log's tiles, all or nothing. Refuses if the log is not at `from_size` any more (40001: somebody else works
-- on it; look again), or if a tile or bundle would not merely grow.
CREATE FUNCTION evidence.integrate(
    wanted text, from_size bigint, to_size bigint, levels smallint[], numbers bigint[], hash_lists bytea[],
    bundle_numbers bigint[], entry_lists bytea[]
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET synchronous_commit = on
AS $$
DECLARE
    grown bigint;
BEGIN
    INSERT INTO evidence.logs (log) VALUES (wanted) ON CONFLICT DO NOTHING;
    UPDATE evidence.logs l SET size = to_size, updated_at = clock_timestamp()
        WHERE l.log = wanted AND l.size = from_size AND to_size > from_size;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the log has another size' USING ERRCODE = 'serialization_failure';
    END IF;

    INSERT INTO evidence.tiles AS t (log, level, number, hashes)
        SELECT wanted, n.level, n.number, n.hashes FROM unnest(levels, numbers, hash_lists) AS n (level, number, hashes)
        ON CONFLICT (log, level, number) DO UPDATE SET hashes = excluded.hashes
        WHERE octet_length(t.hashes) < octet_length(excluded.hashes)
            AND t.hashes = substring(excluded.hashes FOR octet_length(t.hashes));
    GET DIAGNOSTICS grown = ROW_COUNT;
    IF grown <> cardinality(levels) THEN
        RAISE EXCEPTION 'a tile only grows' USING ERRCODE = 'integrity_constraint_violation';
    END IF;

    INSERT INTO evidence.bundles AS b (log, number, entries)
        SELECT wanted, n.number, n.entries FROM unnest(bundle_numbers, entry_lists) AS n (number, entries)
        ON CONFLICT (log, number) DO UPDATE SET entries = excluded.entries
        WHERE octet_length(b.entries) < octet_length(excluded.entries)
            AND b.entries = substring(excluded.entries FOR octet_length(b.entries));
    GET DIAGNOSTICS grown = ROW_COUNT;
    IF grown <> cardinality(bundle_numbers) THEN
        RAISE EXCEPTION 'a bundle only grows' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
END
$$;

-- Makes a signed checkpoint known. Again is as good as once: a crash after signing leaves it to be done on the next start.
CREATE FUNCTION evidence.publish(wanted text, its_origin text, its_size bigint, its_note text, is_witnessed boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET synchronous_commit = on
AS $$
    INSERT INTO evidence.checkpoints (log, origin, size, note, witnessed)
    SELECT l.log, its_origin, its_size, its_note, is_witnessed FROM evidence.logs l WHERE l.log = wanted AND l.size >= its_size
    ON CONFLICT DO NOTHING;
    SELECT pg_notify('accompany_checkpoints', wanted);
$$;

CREATE FUNCTION evidence.keep_cosignature(
    wanted text, its_origin text, its_size bigint, its_witness text, its_line text, is_witnessed boolean
) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET synchronous_commit = on
AS $$
    INSERT INTO evidence.cosignatures (log, origin, size, witness, line) VALUES (wanted, its_origin, its_size, its_witness, its_line)
    ON CONFLICT DO NOTHING;
    UPDATE evidence.checkpoints SET witnessed = true
        WHERE log = wanted AND origin = its_origin AND size = its_size AND is_witnessed AND NOT witnessed;
$$;

CREATE FUNCTION evidence.keep_timestamp(wanted text, its_origin text, its_size bigint, its_authority text, its_response bytea)
    RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET synchronous_commit = on
AS $$
    INSERT INTO evidence.timestamps (log, origin, size, authority, response)
    VALUES (wanted, its_origin, its_size, its_authority, its_response)
    ON CONFLICT DO NOTHING;
$$;

-- Says why a log does not go on, or with NULL that it does again.
CREATE FUNCTION evidence.tell_stopped(wanted text, code text, at_position bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO evidence.logs AS l (log, stopped, stopped_at) VALUES (wanted, code, at_position)
    ON CONFLICT (log) DO UPDATE SET stopped = excluded.stopped, stopped_at = excluded.stopped_at, updated_at = clock_timestamp()
    WHERE (l.stopped, l.stopped_at) IS DISTINCT FROM (excluded.stopped, excluded.stopped_at);
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA evidence FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA evidence TO accompany_worker;
