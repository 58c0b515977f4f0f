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

-- Each time a version, or a list, was put in force: for all traffic (100) or for a share of it. The entry must exist.
CREATE TABLE activations (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    version_id text NOT NULL,
    member_id text NOT NULL REFERENCES members,
    percent integer NOT NULL CHECK (percent BETWEEN 1 AND 100),
    seq bigint NOT NULL,
    activated_at timestamptz NOT NULL,
    FOREIGN KEY (organization_id, mode, seq) REFERENCES ledger_entries (organization_id, mode, seq)
        DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX activations_by_version ON activations (version_id, activated_at DESC);

ALTER TABLE policy_versions
    ADD COLUMN author_member_ids text[] NOT NULL DEFAULT '{}',
    ADD COLUMN plain_source text,
    ADD COLUMN language integer NOT NULL DEFAULT 2 CHECK (language IN (1, 2)),
    ADD COLUMN canary_percent integer NOT NULL DEFAULT 0 CHECK (canary_percent BETWEEN 0 AND 99),
    ADD COLUMN activation_id text REFERENCES activations DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN retired_at timestamptz,
    ADD CHECK (status = 'shadow' OR canary_percent = 0);
ALTER TABLE policy_versions DISABLE TRIGGER policy_versions_immutable;
UPDATE policy_versions SET author_member_ids = ARRAY[author_member_id];
ALTER TABLE policy_versions ENABLE TRIGGER policy_versions_immutable;
ALTER TABLE policy_versions ALTER COLUMN author_member_ids DROP DEFAULT,
    ADD CHECK (author_member_id = ANY (author_member_ids));
CREATE UNIQUE INDEX policy_versions_one_canary ON policy_versions (organization_id, slug) WHERE canary_percent > 0;

CREATE OR REPLACE FUNCTION refuse_published_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published version never changes' USING ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER policy_versions_immutable ON policy_versions;
CREATE TRIGGER policy_versions_immutable BEFORE UPDATE ON policy_versions FOR EACH ROW
    WHEN (OLD.published_at IS NOT NULL AND (OLD.id, OLD.organization_id, OLD.source, OLD.plain_source, OLD.language,
        OLD.content_hash, OLD.version, OLD.slug, OLD.author_member_id, OLD.author_member_ids, OLD.note, OLD.published_at)
        IS DISTINCT FROM (NEW.id, NEW.organization_id, NEW.source, NEW.plain_source, NEW.language, NEW.content_hash,
        NEW.version, NEW.slug, NEW.author_member_id, NEW.author_member_ids, NEW.note, NEW.published_at))
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

-- The second person, in the database too: no author's activation can be written, and none comes into force without one.
CREATE FUNCTION refuse_own_activation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM policy_versions WHERE id = NEW.version_id AND NEW.member_id = ANY (author_member_ids))
        OR EXISTS (SELECT FROM list_versions WHERE id = NEW.version_id AND NEW.member_id = ANY (author_member_ids)) THEN
        RAISE EXCEPTION 'a version is activated by somebody other than its authors' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER activations_not_by_author BEFORE INSERT ON activations
    FOR EACH ROW EXECUTE FUNCTION refuse_own_activation();

CREATE FUNCTION refuse_unsealed_policy() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted integer := CASE WHEN NEW.status = 'active' THEN 100 ELSE NEW.canary_percent END;
BEGIN
    IF TG_OP = 'INSERT' AND wanted > 0 THEN
        RAISE EXCEPTION 'a version comes into force only by an activation' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND wanted > (CASE WHEN OLD.status = 'active' THEN 100 ELSE OLD.canary_percent END) AND (
        NEW.activation_id IS NOT DISTINCT FROM OLD.activation_id OR NOT EXISTS (
            SELECT FROM activations WHERE id = NEW.activation_id AND version_id = NEW.id AND percent = wanted)) THEN
        RAISE EXCEPTION 'a version comes into force only by an activation' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER policy_versions_sealed BEFORE INSERT OR UPDATE ON policy_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_unsealed_policy();

CREATE FUNCTION refuse_unsealed_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'active' AND (TG_OP = 'INSERT' OR (OLD.status <> 'active' AND (
        NEW.activation_id IS NOT DISTINCT FROM OLD.activation_id OR NOT EXISTS (
            SELECT FROM activations WHERE id = NEW.activation_id AND version_id = NEW.id)))) THEN
        RAISE EXCEPTION 'a list comes into force only by an activation' USING ERRCODE = 'restrict_violation';
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
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    was text,
    PRIMARY KEY (replay_id, position)
);

GRANT SELECT, INSERT ON policy_drafts, activations, lists, list_versions, list_values, shadow_results, replays,
    replay_uploads, replay_findings TO axiru_app;
GRANT UPDATE ON policy_drafts TO axiru_app;
REVOKE UPDATE ON policy_versions FROM axiru_app;
GRANT UPDATE (status, canary_percent, activation_id, activated_at, retired_at) ON policy_versions TO axiru_app;
GRANT UPDATE (status, activation_id, activated_at, retired_at) ON list_versions TO axiru_app;
GRANT UPDATE (state, rows_total, rows_done, result, error, finished_at) ON replays TO axiru_app;
GRANT DELETE ON replays, replay_uploads, replay_findings TO axiru_app;
