-- The roles that the programs run as. Roles belong to the whole cluster, where other databases may hold this schema too.
-- Run at every migration, not once: a database can be moved to another cluster, and its login can change.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['accompany_service', 'accompany_worker', 'accompany_keys'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- Another database of this cluster created it in this moment.
            END;
        END IF;
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = wanted AND (rolsuper OR rolbypassrls)) THEN
            RAISE EXCEPTION 'role % may pass row-level security', wanted USING ERRCODE = 'invalid_role_specification';
        END IF;
        -- From PostgreSQL 16 on, membership alone no longer lets a login become the role.
        IF NOT pg_has_role(
            current_user,
            wanted::name,
            CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END
        ) THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
END
$$;
