-- The key ring gets a role of its own. The service and the worker see nothing of it any more, not even the wrapped keys; so the ring can also
-- stand in another database, which this file prepares in the same way.

DROP POLICY service_sees_its_organisation ON keys.person_keys;
DROP POLICY worker_sees_all ON keys.person_keys;
REVOKE ALL ON keys.person_keys FROM accompany_service, accompany_worker;
DROP FUNCTION keys.ensure(uuid[], bytea[]);
DROP FUNCTION keys.holder();
REVOKE ALL ON SCHEMA keys FROM accompany_service, accompany_worker;

-- Which key-encryption key wraps what is made from now on, and which one is being left. One row, from the first start on.
CREATE TABLE keys.state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    holder bytea NOT NULL CHECK (octet_length(holder) = 17),
    former bytea CHECK (octet_length(former) = 17 AND former <> holder),
    -- Counts what makes keys in memory stale, for whoever missed the notice.
    changes bigint NOT NULL DEFAULT 0,
    -- Before this file, the service's own secrets were derived from the key file: such a ring goes on with the same ones.
    secrets_from_file boolean NOT NULL DEFAULT false
);
INSERT INTO keys.state (holder, secrets_from_file)
    SELECT substr(held.wrapped, 1, 17), true FROM keys.person_keys held
    GROUP BY 1 ORDER BY count(*) DESC LIMIT 1;

CREATE TABLE keys.service_secrets (
    name text PRIMARY KEY,
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) > 17),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Whose keys were destroyed. Nobody here gets another key, so that nothing is recorded about them again by mistake.
CREATE TABLE keys.destroyed (
    organisation_id uuid NOT NULL,
    person_id uuid NOT NULL,
    destroyed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, person_id)
);
ALTER TABLE keys.destroyed ENABLE ROW LEVEL SECURITY;
ALTER TABLE keys.destroyed FORCE ROW LEVEL SECURITY;

CREATE POLICY ring_sees_its_organisation ON keys.person_keys FOR SELECT TO accompany_keys
    USING (organisation_id = nullif(current_setting('accompany.organisation', true), '')::uuid);
CREATE POLICY ring_sees_its_organisation ON keys.destroyed FOR SELECT TO accompany_keys
    USING (organisation_id = nullif(current_setting('accompany.organisation', true), '')::uuid);
CREATE POLICY owner_sees_all ON keys.destroyed TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE FUNCTION keys.acting_organisation() RETURNS uuid
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation uuid := nullif(current_setting('accompany.organisation', true), '')::uuid;
BEGIN
    IF organisation IS NULL THEN
        RAISE EXCEPTION 'accompany.organisation is not set in this transaction';
    END IF;
    RETURN organisation;
END
$$;

-- What makes keys takes this lock shared; what destroys them or changes the holder takes it alone. So no key is made for somebody who is
-- being erased at the same moment, and none is wrapped under a holder after it was left.
CREATE FUNCTION keys.lock_shared() RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_advisory_xact_lock_shared(4702111234474983746) $$;
CREATE FUNCTION keys.lock_alone() RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_advisory_xact_lock(4702111234474983746) $$;

-- The holder in force; at the first start the one offered.
CREATE FUNCTION keys.begin_with(offered bytea) RETURNS SETOF keys.state
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO keys.state (holder) VALUES (offered) ON CONFLICT DO NOTHING;
    SELECT * FROM keys.state;
$$;

-- A first key for each person who has none: the one offered here, or the one that somebody else made at the same moment. Answers all keys of
-- these people, and a row without a key for each whose keys were destroyed. Nothing is kept that is not wrapped under the holder in force:
-- who gets no row back looks up the holder and asks again.
CREATE FUNCTION keys.ensure(people uuid[], offered bytea[])
    RETURNS TABLE (person_id uuid, key_version integer, wrapped bytea)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation uuid := keys.acting_organisation();
BEGIN
    PERFORM keys.lock_shared();
    -- In the order of people, so that two calls at once never wait for each other in a circle.
    INSERT INTO keys.person_keys (organisation_id, person_id, key_version, wrapped)
    SELECT organisation, offer.person_id, 1, offer.wrapped
    FROM unnest(people, offered) AS offer (person_id, wrapped)
    WHERE substr(offer.wrapped, 1, 17) = (SELECT state.holder FROM keys.state)
        AND NOT EXISTS (
            SELECT FROM keys.person_keys held
            WHERE held.organisation_id = organisation AND held.person_id = offer.person_id
        )
        AND NOT EXISTS (
            SELECT FROM keys.destroyed
            WHERE destroyed.organisation_id = organisation AND destroyed.person_id = offer.person_id
        )
    ORDER BY offer.person_id
    ON CONFLICT DO NOTHING;
    -- A statement of its own sees what the other call committed while the insert waited for it.
    RETURN QUERY
        SELECT held.person_id, held.key_version, held.wrapped FROM keys.person_keys held
        WHERE held.organisation_id = organisation AND held.person_id = ANY (people)
        UNION ALL
        SELECT destroyed.person_id, NULL, NULL FROM keys.destroyed
        WHERE destroyed.organisation_id = organisation AND destroyed.person_id = ANY (people);
END
$$;

-- Says that keys in memory are stale: to those who listen at once, to the others when they next look at the count.
CREATE FUNCTION keys.tell_of_change(organisation uuid, person uuid) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE keys.state SET changes = changes + 1 RETURNING changes INTO number;
    PERFORM pg_notify('accompany_keys', concat_ws('/', coalesce(number, 0), organisation, person));
END
$$;

-- A further version of a person's key, which events are sealed under from then on. False: it was not the next one, the person has no key or
-- had one that was destroyed, or the holder is not in force.
CREATE FUNCTION keys.renew(person uuid, next_version integer, offered bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation uuid := keys.acting_organisation();
BEGIN
    PERFORM keys.lock_shared();
    INSERT INTO keys.person_keys (organisation_id, person_id, key_version, wrapped)
    SELECT organisation, person, next_version, offered
    WHERE substr(offered, 1, 17) = (SELECT state.holder FROM keys.state)
        AND next_version - 1 = (
            SELECT max(held.key_version) FROM keys.person_keys held
            WHERE held.organisation_id = organisation AND held.person_id = person
        )
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM keys.tell_of_change(organisation, person);
    RETURN true;
END
$$;

-- Destroys every version of a person's key and leaves a mark that there is never to be another. Answers how many there were.
CREATE FUNCTION keys.destroy(person uuid) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation uuid := keys.acting_organisation();
    gone integer;
BEGIN
    PERFORM keys.lock_alone();
    INSERT INTO keys.destroyed (organisation_id, person_id) VALUES (organisation, person) ON CONFLICT DO NOTHING;
    DELETE FROM keys.person_keys held WHERE held.organisation_id = organisation AND held.person_id = person;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM keys.tell_of_change(organisation, person);
    RETURN gone;
END
$$;

-- The service's secret of this name: the one offered if there is none yet. No row: the holder is not in force.
CREATE FUNCTION keys.keep_secret(secret_name text, offered bytea) RETURNS SETOF bytea
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM keys.lock_shared();
    INSERT INTO keys.service_secrets (name, wrapped)
    SELECT secret_name, offered WHERE substr(offered, 1, 17) = (SELECT state.holder FROM keys.state)
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT kept.wrapped FROM keys.service_secrets kept WHERE kept.name = secret_name;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA keys FROM PUBLIC;
GRANT USAGE ON SCHEMA keys TO accompany_keys;
GRANT SELECT ON keys.person_keys, keys.destroyed, keys.state, keys.service_secrets TO accompany_keys;
GRANT EXECUTE ON FUNCTION
    keys.begin_with(bytea),
    keys.ensure(uuid[], bytea[]),
    keys.renew(uuid, integer, bytea),
    keys.destroy(uuid),
    keys.keep_secret(text, bytea)
    TO accompany_keys;
