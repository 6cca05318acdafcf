-- How each witness of a log answered last: NULL if it signed, else a code. Nothing here is evidence; it is for those who look after it.

CREATE TABLE evidence.witnesses (
    log text NOT NULL REFERENCES evidence.logs,
    witness text NOT NULL,
    trouble text,
    size bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (log, witness)
);
GRANT SELECT ON evidence.witnesses TO accompany_service, accompany_worker;

CREATE FUNCTION evidence.tell_witness(wanted text, its_witness text, its_trouble text, its_size bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO evidence.witnesses (log, witness, trouble, size) VALUES (wanted, its_witness, its_trouble, its_size)
    ON CONFLICT (log, witness) DO UPDATE
        SET trouble = excluded.trouble, size = excluded.size, updated_at = clock_timestamp();
$$;
REVOKE ALL ON FUNCTION evidence.tell_witness(text, text, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION evidence.tell_witness(text, text, text, bigint) TO accompany_worker;
