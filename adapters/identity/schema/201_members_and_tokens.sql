-- Members are staff, mentors and trainees who may ask something of the service. A handle is the organisation's own short code,
-- never a name. `person_id` is set for mentors and trainees, whom the record is about.
CREATE TABLE accompany.members (
    organisation_id uuid NOT NULL,
    member_id uuid NOT NULL,
    handle text NOT NULL CHECK (handle ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'),
    person_id uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organisation_id, member_id),
    UNIQUE (organisation_id, handle)
);

-- Bearer tokens, sign-in links and browser sessions. Only the SHA-256 of the secret is kept: it has 256 random bits, so that no
-- slow hash is needed. Each speaks for one member in one role.
CREATE TABLE accompany.tokens (
    secret_hash bytea PRIMARY KEY CHECK (octet_length(secret_hash) = 32),
    organisation_id uuid NOT NULL,
    member_id uuid NOT NULL,
    role text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('bearer', 'link', 'session')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    FOREIGN KEY (organisation_id, member_id) REFERENCES accompany.members
);

ALTER TABLE accompany.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.members FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.members TO CURRENT_USER USING (true) WITH CHECK (true);
CREATE POLICY service_sees_its_organisation ON accompany.members FOR SELECT TO accompany_service
    USING (organisation_id = accompany.current_organisation());
GRANT SELECT ON accompany.members TO accompany_service;

-- The service sees no token at all: it asks the functions below, who know the organisation only once they know the secret.
ALTER TABLE accompany.tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE accompany.tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_sees_all ON accompany.tokens TO CURRENT_USER USING (true) WITH CHECK (true);

CREATE FUNCTION accompany.speaks_for(asked_hash bytea, asked_kind text)
    RETURNS TABLE (organisation_id uuid, member_id uuid, role text, person_id uuid, time_zone text, organisation text,
                   demo boolean, handle text, expires_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.organisation_id, t.member_id, t.role, m.person_id, o.time_zone, o.name, o.demo, m.handle, t.expires_at
    FROM accompany.tokens t
    JOIN accompany.members m USING (organisation_id, member_id)
    JOIN accompany.organisations o USING (organisation_id)
    WHERE t.secret_hash = asked_hash AND t.kind = asked_kind AND t.ended_at IS NULL AND t.expires_at > clock_timestamp()
$$;

-- Exchanges a sign-in link for a session. Outside a demo a link is good for one sign-in.
CREATE FUNCTION accompany.open_session(link_hash bytea, session_hash bytea, lasts interval) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    link accompany.tokens;
    demo_link boolean;
BEGIN
    SELECT * INTO link FROM accompany.tokens t
        WHERE t.secret_hash = link_hash AND t.kind = 'link' AND t.ended_at IS NULL AND t.expires_at > clock_timestamp()
        FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT o.demo INTO demo_link FROM accompany.organisations o WHERE o.organisation_id = link.organisation_id;
    IF NOT demo_link THEN
        UPDATE accompany.tokens t SET ended_at = clock_timestamp() WHERE t.secret_hash = link_hash;
    END IF;
    INSERT INTO accompany.tokens (secret_hash, organisation_id, member_id, role, kind, expires_at)
    VALUES (session_hash, link.organisation_id, link.member_id, link.role, 'session', clock_timestamp() + lasts);
    RETURN true;
END
$$;

CREATE FUNCTION accompany.end_session(session_hash bytea) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE accompany.tokens t SET ended_at = clock_timestamp()
    WHERE t.secret_hash = session_hash AND t.kind = 'session' AND t.ended_at IS NULL
$$;

REVOKE ALL ON FUNCTION accompany.speaks_for(bytea, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION accompany.open_session(bytea, bytea, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION accompany.end_session(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accompany.speaks_for(bytea, text) TO accompany_service;
GRANT EXECUTE ON FUNCTION accompany.open_session(bytea, bytea, interval) TO accompany_service;
GRANT EXECUTE ON FUNCTION accompany.end_session(bytea) TO accompany_service;
