-- A draft may be changed by anybody who may write policies; all of them are its authors.
CREATE TABLE policy_drafts (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    slug text NOT NULL,
    format text NOT NULL CHECK (format IN ('yaml', 'plain')),
    source text NOT NULL,
    note text NOT NULL,
    author_member_ids text[] NOT NULL CHECK (cardinality(author_member_ids) > 0),
    revision integer NOT NULL CHECK (revision > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    published_version integer,
    discarded_at timestamptz
);
CREATE INDEX policy_drafts_open ON policy_drafts (organization_id, slug)
    WHERE published_version IS NULL AND discarded_at IS NULL;

-- Every function that keeps something out names the schema it looks in: a temporary table comes first otherwise.
CREATE FUNCTION refuse_draft_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a draft loses no author, and ends once' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER policy_drafts_keep_authors BEFORE UPDATE ON policy_drafts FOR EACH ROW
    WHEN (OLD.published_version IS NOT NULL OR OLD.discarded_at IS NOT NULL
        OR NOT NEW.author_member_ids @> OLD.author_member_ids)
    EXECUTE FUNCTION refuse_draft_change();
ALTER FUNCTION refuse_own_vote() SET search_path = public, pg_temp;

-- Each change of the share of traffic that a version, or a list, decides: all of it (100), a part, or none (0).
-- Both modes seal it; the entry named is the live one's.
CREATE TABLE activations (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode = 'live'),
    version_id text NOT NULL,
    member_id text NOT NULL REFERENCES members,
    percent integer NOT NULL CHECK (percent BETWEEN 0 AND 100),
    seq bigint NOT NULL,
    activated_at timestamptz NOT NULL,
    UNIQUE (organization_id, mode, seq),
    FOREIGN KEY (organization_id, mode, seq) REFERENCES ledger_entries (organization_id, mode, seq)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX activations_by_version ON activations (version_id, activated_at DESC);

-- `activation_id` is the act that gave the version its present share: its own, or its successor's that took it away.
ALTER TABLE policy_versions
    ADD COLUMN author_member_ids text[] NOT NULL DEFAULT '{}',
    ADD COLUMN plain_source text,
    ADD COLUMN language integer NOT NULL DEFAULT 2 CHECK (language IN (1, 2)),
    ADD COLUMN canary_percent integer NOT NULL DEFAULT 0 CHECK (canary_percent BETWEEN 0 AND 99),
    ADD COLUMN activation_id text REFERENCES activations DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN retired_at timestamptz,
    ADD CHECK (status = 'shadow' OR canary_percent = 0);

-- What was there before: unpublished versions become drafts, published ones look on, activations are in the ledger.
INSERT INTO policy_drafts SELECT id, organization_id, slug, 'yaml', source, note, ARRAY[author_member_id], 1, created_at,
    created_at FROM policy_versions WHERE published_at IS NULL;
DELETE FROM policy_versions WHERE published_at IS NULL;
UPDATE policy_versions SET author_member_ids = ARRAY[author_member_id],
    status = CASE status WHEN 'draft' THEN 'shadow' ELSE status END;
INSERT INTO activations SELECT 'av_' || encode(e.entry_hash, 'hex'), v.organization_id, 'live', v.id, m.id, 100, e.seq,
    e.sealed_at
    FROM ledger_entries e, LATERAL (SELECT convert_from(e.body, 'UTF8')::jsonb -> 'data' AS data) sealed
    JOIN policy_versions v ON v.id = data ->> 'version_id'
    JOIN members m ON m.id = data ->> 'member_id'
    WHERE e.kind = 'policy_activated' AND e.mode = 'live' AND v.organization_id = e.organization_id;
UPDATE policy_versions v SET activation_id = (SELECT id FROM activations WHERE version_id = v.id ORDER BY seq DESC LIMIT 1);
SET CONSTRAINTS ALL IMMEDIATE;

ALTER TABLE policy_versions
    ALTER COLUMN author_member_ids DROP DEFAULT,
    ALTER COLUMN published_at SET NOT NULL,
    ADD CHECK (author_member_id = ANY (author_member_ids)),
    DROP CONSTRAINT policy_versions_status_check,
    ADD CONSTRAINT policy_versions_status_check CHECK (status IN ('shadow', 'active', 'retired'));
CREATE UNIQUE INDEX policy_versions_one_canary ON policy_versions (organization_id, slug) WHERE canary_percent > 0;

CREATE OR REPLACE FUNCTION refuse_published_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published version never changes' USING ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER policy_versions_immutable ON policy_versions;
CREATE TRIGGER policy_versions_immutable BEFORE UPDATE ON policy_versions FOR EACH ROW
    WHEN ((OLD.id, OLD.organization_id, OLD.source, OLD.plain_source, OLD.language, OLD.content_hash, OLD.version,
        OLD.slug, OLD.author_member_id, OLD.author_member_ids, OLD.note, OLD.created_at, OLD.published_at)
        IS DISTINCT FROM (NEW.id, NEW.organization_id, NEW.source, NEW.plain_source, NEW.language, NEW.content_hash,
        NEW.version, NEW.slug, NEW.author_member_id, NEW.author_member_ids, NEW.note, NEW.created_at, NEW.published_at))
    EXECUTE FUNCTION refuse_published_change();

CREATE TABLE lists (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    slug text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('customer', 'country', 'account', 'text')),
    description text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (organization_id, slug)
);

CREATE TABLE list_versions (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    slug text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    status text NOT NULL CHECK (status IN ('proposed', 'active', 'retired')),
    content_hash text NOT NULL,
    size integer NOT NULL CHECK (size >= 0),
    author_member_ids text[] NOT NULL CHECK (cardinality(author_member_ids) > 0),
    note text NOT NULL,
    created_at timestamptz NOT NULL,
    activation_id text REFERENCES activations DEFERRABLE INITIALLY DEFERRED,
    activated_at timestamptz,
    retired_at timestamptz,
    UNIQUE (organization_id, slug, version),
    FOREIGN KEY (organization_id, slug) REFERENCES lists (organization_id, slug)
);
CREATE UNIQUE INDEX list_versions_one_active ON list_versions (organization_id, slug) WHERE status = 'active';
CREATE TRIGGER list_versions_immutable BEFORE UPDATE ON list_versions FOR EACH ROW
    WHEN ((OLD.id, OLD.organization_id, OLD.slug, OLD.version, OLD.content_hash, OLD.size, OLD.author_member_ids, OLD.note,
        OLD.created_at) IS DISTINCT FROM (NEW.id, NEW.organization_id, NEW.slug, NEW.version, NEW.content_hash, NEW.size,
        NEW.author_member_ids, NEW.note, NEW.created_at))
    EXECUTE FUNCTION refuse_published_change();

CREATE TABLE list_values (
    list_version_id text NOT NULL REFERENCES list_versions,
    value text NOT NULL,
    PRIMARY KEY (list_version_id, value)
);

-- The lock makes an activation wait, which then counts these values too and finds that they are not what was sealed.
CREATE FUNCTION refuse_late_values() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM list_versions WHERE id IN (SELECT list_version_id FROM added) FOR SHARE;
    IF EXISTS (SELECT FROM list_versions WHERE id IN (SELECT list_version_id FROM added) AND status <> 'proposed') THEN
        RAISE EXCEPTION 'a list gets its values before it comes into force' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER list_values_before_force AFTER INSERT ON list_values REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_values();

-- The second person, in the database too. Only what does not decide everything may its authors take out of force.
CREATE FUNCTION refuse_own_activation() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM members WHERE id = NEW.member_id AND organization_id = NEW.organization_id
            AND disabled_at IS NULL)
        OR NOT EXISTS (
            SELECT FROM policy_versions WHERE id = NEW.version_id AND organization_id = NEW.organization_id
                AND (NEW.member_id <> ALL (author_member_ids) OR (NEW.percent = 0 AND status <> 'active'))
            UNION ALL
            SELECT FROM list_versions WHERE id = NEW.version_id AND organization_id = NEW.organization_id
                AND NEW.member_id <> ALL (author_member_ids) AND NEW.percent = 100) THEN
        RAISE EXCEPTION 'a version is activated by somebody other than its authors' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER activations_not_by_author BEFORE INSERT ON activations
    FOR EACH ROW EXECUTE FUNCTION refuse_own_activation();

-- At the end of the transaction, when its entries are written: this very change was sealed, and it was made.
CREATE FUNCTION refuse_unsealed_activation() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
            SELECT FROM ledger_entries e, LATERAL (SELECT convert_from(e.body, 'UTF8')::jsonb -> 'data' AS data) sealed
            WHERE (e.organization_id, e.mode, e.seq) = (NEW.organization_id, NEW.mode, NEW.seq)
                AND e.kind = ANY (CASE NEW.percent WHEN 100 THEN ARRAY['policy_activated', 'list_activated']
                    WHEN 0 THEN ARRAY['policy_retired', 'policy_shadowed'] ELSE ARRAY['policy_canary'] END)
                AND data ->> 'version_id' = NEW.version_id AND data ->> 'member_id' = NEW.member_id
                AND data -> 'percent' = to_jsonb(NEW.percent))
        OR NOT EXISTS (
            SELECT FROM policy_versions WHERE id = NEW.version_id AND activation_id = NEW.id
            UNION ALL
            SELECT FROM list_versions WHERE id = NEW.version_id AND activation_id = NEW.id) THEN
        RAISE EXCEPTION 'an activation is sealed and carried out' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER activations_sealed AFTER INSERT ON activations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_activation();

-- The share changes only by an activation made after the last one: of this version, or of the one that takes its place.
CREATE FUNCTION refuse_unsealed_policy() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    share integer := CASE NEW.status WHEN 'active' THEN 100 ELSE NEW.canary_percent END;
    share_before integer := 0;
    permitted boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        permitted := NEW.status = 'shadow' AND share = 0 AND NEW.activation_id IS NULL;
    ELSE
        share_before := CASE OLD.status WHEN 'active' THEN 100 ELSE OLD.canary_percent END;
        IF share = share_before THEN
            permitted := NEW.activation_id IS NOT DISTINCT FROM OLD.activation_id;
        ELSE
            permitted := EXISTS (
                SELECT FROM activations a JOIN policy_versions v ON v.id = a.version_id
                WHERE a.id = NEW.activation_id
                    AND a.seq > coalesce((SELECT seq FROM activations WHERE id = OLD.activation_id), 0)
                    AND (v.organization_id, v.slug) = (NEW.organization_id, NEW.slug)
                    AND CASE WHEN v.id = NEW.id THEN a.percent = share
                        ELSE share = 0 AND a.percent >= CASE share_before WHEN 100 THEN 100 ELSE 1 END END);
        END IF;
    END IF;
    IF NOT permitted THEN
        RAISE EXCEPTION 'a version decides only what an activation gives it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER policy_versions_sealed BEFORE INSERT OR UPDATE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_policy();

-- The same for lists, and the values that come into force are those whose hash was sealed.
CREATE FUNCTION refuse_unsealed_list() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    permitted boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        permitted := NEW.status = 'proposed' AND NEW.activation_id IS NULL;
    ELSIF (NEW.status = 'active') = (OLD.status = 'active') THEN
        permitted := NEW.status = OLD.status AND NEW.activation_id IS NOT DISTINCT FROM OLD.activation_id;
    ELSE
        permitted := EXISTS (
            SELECT FROM activations a JOIN list_versions v ON v.id = a.version_id
            WHERE a.id = NEW.activation_id
                AND a.seq > coalesce((SELECT seq FROM activations WHERE id = OLD.activation_id), 0)
                AND (v.organization_id, v.slug) = (NEW.organization_id, NEW.slug)
                AND (v.id = NEW.id) = (NEW.status = 'active'));
        IF permitted AND NEW.status = 'active' THEN
            permitted := (NEW.content_hash, NEW.size) = (
                SELECT encode(sha256(convert_to(coalesce(string_agg(value, E'\n' ORDER BY value COLLATE "C"), ''), 'UTF8')),
                    'hex'), count(*)
                FROM list_values WHERE list_version_id = NEW.id);
        END IF;
    END IF;
    IF NOT permitted THEN
        RAISE EXCEPTION 'a list comes into force as it was sealed, by an activation' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER list_versions_sealed BEFORE INSERT OR UPDATE ON list_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_list();

-- What each version that only looks on would have said, beside what counted. `live_*` is the word of the version of the
-- same policy that was in force for this decision, or, where none was, the answer of the others.
CREATE TABLE shadow_results (
    decision_id text NOT NULL REFERENCES decisions DEFERRABLE INITIALLY DEFERRED,
    version_id text NOT NULL REFERENCES policy_versions,
    organization_id text NOT NULL,
    mode text NOT NULL,
    slug text NOT NULL,
    version integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('allow', 'review', 'deny')),
    reason text NOT NULL,
    rule_id text,
    live_version_id text REFERENCES policy_versions,
    live_outcome text NOT NULL CHECK (live_outcome IN ('allow', 'review', 'deny')),
    live_reason text NOT NULL,
    live_rule_id text,
    agrees boolean NOT NULL,
    surface_mode text NOT NULL,
    rail text NOT NULL,
    rail_action text NOT NULL,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (decision_id, version_id)
);
CREATE INDEX shadow_results_by_version ON shadow_results (organization_id, mode, version_id, decided_at DESC);

CREATE TABLE replays (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    source text NOT NULL CHECK (source IN ('csv', 'decisions')),
    title text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    policy_source text NOT NULL,
    policy_name text NOT NULL,
    since timestamptz,
    until timestamptz,
    rows_total bigint,
    rows_done bigint NOT NULL DEFAULT 0,
    result jsonb,
    error jsonb,
    requested_by text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    expires_at timestamptz NOT NULL
);
CREATE INDEX replays_by_time ON replays (organization_id, mode, created_at DESC);
CREATE INDEX replays_expiring ON replays (expires_at);

CREATE TABLE replay_uploads (
    replay_id text PRIMARY KEY REFERENCES replays ON DELETE CASCADE,
    content bytea NOT NULL
);

CREATE TABLE replay_findings (
    replay_id text NOT NULL REFERENCES replays ON DELETE CASCADE,
    position integer NOT NULL,
    line integer,
    subject text NOT NULL,
    outcome text NOT NULL,
    rule text,
    reason text NOT NULL,
    message text NOT NULL,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    moved_at timestamptz,
    flags text[] NOT NULL,
    was text,
    PRIMARY KEY (replay_id, position)
);

GRANT SELECT, INSERT ON policy_drafts, activations, lists, list_versions, list_values, shadow_results, replays,
    replay_uploads, replay_findings TO axiru_app;
GRANT UPDATE (slug, format, source, note, author_member_ids, revision, updated_at, published_version, discarded_at)
    ON policy_drafts TO axiru_app;
REVOKE UPDATE ON policy_versions FROM axiru_app;
GRANT UPDATE (status, canary_percent, activation_id, activated_at, retired_at) ON policy_versions TO axiru_app;
GRANT UPDATE (status, activation_id, activated_at, retired_at) ON list_versions TO axiru_app;
GRANT UPDATE (state, rows_total, rows_done, result, error, finished_at) ON replays TO axiru_app;
GRANT DELETE ON replays, replay_uploads, replay_findings TO axiru_app;
