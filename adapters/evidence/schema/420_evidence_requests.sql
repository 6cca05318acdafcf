-- What a request for evidence counts. Few events name the two people of a case, so that finding all cases of one of them reads no other.

CREATE INDEX events_that_name_people ON accompany.events (organisation_id, stream_id)
    WHERE topic IN ('mentorship-started', 'mentorship-handed-over');

CREATE INDEX access_log_of_mentorship ON accompany.access_log (organisation_id, mentorship_id, position)
    WHERE mentorship_id IS NOT NULL;

-- The log positions of what was recorded from one moment up to another, not including it: none where the first is the larger. Times follow
-- positions, so that a few looks are enough. It tells how many events of all organisations there were at a time, and no more.
CREATE FUNCTION evidence.positions_of(wanted text, since timestamptz, until timestamptz, OUT first_position bigint, OUT last_position bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head bigint;
    moment timestamptz;
    low bigint;
    high bigint;
    middle bigint;
    found timestamptz;
BEGIN
    IF wanted = 'events' THEN
        SELECT coalesce(max(e.position), 0) INTO head FROM accompany.events e;
    ELSIF wanted = 'access' THEN
        SELECT coalesce(max(a.position), 0) INTO head FROM accompany.access_log a;
    ELSE
        RAISE EXCEPTION 'there is no such log' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH moment IN ARRAY ARRAY[since, until] LOOP
        -- The first position that was recorded at this moment or later.
        low := 1;
        high := head + 1;
        WHILE low < high LOOP
            middle := (low + high) / 2;
            IF wanted = 'events' THEN
                SELECT e.recorded_at INTO found FROM accompany.events e WHERE e.position = middle;
            ELSE
                SELECT a.recorded_at INTO found FROM accompany.access_log a WHERE a.position = middle;
            END IF;
            IF found < moment THEN
                low := middle + 1;
            ELSE
                high := middle;
            END IF;
        END LOOP;
        IF first_position IS NULL THEN
            first_position := low;
        ELSE
            last_position := low - 1;
        END IF;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION evidence.positions_of(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION evidence.positions_of(text, timestamptz, timestamptz) TO accompany_service, accompany_worker;
