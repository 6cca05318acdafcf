-- The key ring: people's data keys, each wrapped under the key-encryption key. A schema of its own, with no reference to any other,
-- so that it can be backed up apart and kept shorter, or moved to a database of its own.

CREATE SCHEMA keys;

CREATE TABLE keys.person_keys (
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    key_version integer NOT NULL CHECK (key_version >= 1),
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) > 17),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, person_id, key_version)
);

ALTER TABLE keys.person_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE keys.person_keys FORCE ROW LEVEL SECURITY;

CREATE POLICY service_sees_its_organisation ON keys.person_keys FOR SELECT TO accompany_service
    USING (organisation_id = nullif(current_setting('accompany.organisation', true), '')::uuid);
CREATE POLICY worker_sees_all ON keys.person_keys FOR SELECT TO accompany_worker USING (true);
-- Forced row-level security binds the owner too, and the functions below run as the owner.
CREATE POLICY owner_sees_all ON keys.person_keys TO CURRENT_USER USING (true) WITH CHECK (true);

-- A first key for each person who has none: the one offered here, or the one that somebody else made at the same moment.
-- Answers all keys of these people. In the order of people, so that two calls at once never wait for each other in a circle.
CREATE FUNCTION keys.ensure(people uuid[], offered bytea[]) RETURNS SETOF keys.person_keys
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation uuid := nullif(current_setting('accompany.organisation', true), '')::uuid;
BEGIN
    IF organisation IS NULL THEN
        RAISE EXCEPTION 'accompany.organisation is not set in this transaction';
    END IF;
    INSERT INTO keys.person_keys (organisation_id, person_id, key_version, wrapped)
    SELECT organisation, offer.person_id, 1, offer.wrapped
    FROM unnest(people, offered) AS offer (person_id, wrapped)
    WHERE NOT EXISTS (
        SELECT FROM keys.person_keys held
        WHERE held.organisation_id = organisation AND held.person_id = offer.person_id
    )
    ORDER BY offer.person_id
    ON CONFLICT DO NOTHING;
    -- A statement of its own sees what the other call committed while the insert waited for it.
    RETURN QUERY SELECT held.* FROM keys.person_keys held WHERE held.organisation_id = organisation AND held.person_id = ANY (people);
END
$$;

-- Names the key-encryption key that the ring is wrapped under, so that a start with another one can be refused. Null when empty.
CREATE FUNCTION keys.holder() RETURNS bytea
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT substr(held.wrapped, 1, 17) FROM keys.person_keys held LIMIT 1 $$;

REVOKE ALL ON FUNCTION keys.ensure(uuid[], bytea[]), keys.holder() FROM PUBLIC;
GRANT USAGE ON SCHEMA keys TO accompany_service, accompany_worker;
GRANT SELECT ON keys.person_keys TO accompany_service, accompany_worker;
GRANT EXECUTE ON FUNCTION keys.ensure(uuid[], bytea[]) TO accompany_service;
GRANT EXECUTE ON FUNCTION keys.holder() TO accompany_service, accompany_worker;
