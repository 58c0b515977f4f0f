DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'axiru_app') THEN
        CREATE ROLE axiru_app NOLOGIN;
    END IF;
END
$$;

CREATE TABLE organizations (
    id text PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE members (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    password_hash text NOT NULL,
    roles text[] NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

CREATE TABLE sessions (
    token_hash text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    member_id text NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TABLE api_keys (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    name text NOT NULL,
    secret_hash text NOT NULL UNIQUE,
    hint text NOT NULL,
    scopes text[] NOT NULL,
    owner_member_id text NOT NULL REFERENCES members,
    rate_per_minute integer CHECK (rate_per_minute > 0),
    outcome_style text NOT NULL CHECK (outcome_style IN ('reference', 'integration')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE stripe_connections (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    stripe_account_id text NOT NULL,
    token_ciphertext bytea NOT NULL,
    write_actions text[] NOT NULL,
    default_currency text NOT NULL,
    is_default boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'revoked')),
    profile jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX stripe_connections_default ON stripe_connections (organization_id, mode) WHERE is_default;

CREATE TABLE surfaces (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    stripe_connection_id text NOT NULL,
    rail text NOT NULL,
    rail_action text NOT NULL,
    surface_mode text NOT NULL CHECK (surface_mode IN ('shadow', 'enforce')),
    updated_at timestamptz NOT NULL,
    UNIQUE (organization_id, mode, stripe_connection_id, rail, rail_action)
);

CREATE TABLE policies (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    slug text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (organization_id, slug)
);

CREATE TABLE policy_versions (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    slug text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    status text NOT NULL CHECK (status IN ('draft', 'shadow', 'active', 'retired')),
    source text NOT NULL,
    content_hash text NOT NULL,
    author_member_id text NOT NULL REFERENCES members,
    note text NOT NULL,
    created_at timestamptz NOT NULL,
    published_at timestamptz,
    activated_at timestamptz,
    UNIQUE (organization_id, slug, version),
    FOREIGN KEY (organization_id, slug) REFERENCES policies (organization_id, slug)
);
CREATE UNIQUE INDEX policy_versions_one_active ON policy_versions (organization_id, slug) WHERE status = 'active';

CREATE FUNCTION refuse_published_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published policy version never changes' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER policy_versions_immutable BEFORE UPDATE ON policy_versions FOR EACH ROW
    WHEN (OLD.published_at IS NOT NULL AND (OLD.id, OLD.organization_id, OLD.source, OLD.content_hash, OLD.version, OLD.slug,
        OLD.author_member_id, OLD.published_at) IS DISTINCT FROM (NEW.id, NEW.organization_id, NEW.source,
        NEW.content_hash, NEW.version, NEW.slug, NEW.author_member_id, NEW.published_at))
    EXECUTE FUNCTION refuse_published_change();

CREATE TABLE idempotency_keys (
    organization_id text NOT NULL,
    mode text NOT NULL,
    endpoint text NOT NULL,
    key text NOT NULL,
    decision_id text NOT NULL,
    fingerprint text NOT NULL,
    reserved_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, mode, endpoint, key)
);

CREATE TABLE requests (
    decision_id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL CHECK (mode IN ('test', 'live')),
    endpoint text NOT NULL,
    fingerprint text NOT NULL,
    ovt jsonb NOT NULL,
    api_key_id text NOT NULL,
    requested_by text NOT NULL,
    received_at timestamptz NOT NULL,
    asked_at timestamptz NOT NULL
);

CREATE TABLE decisions (
    id text PRIMARY KEY REFERENCES requests,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL,
    endpoint text NOT NULL,
    fingerprint text NOT NULL,
    state text NOT NULL CHECK (state IN ('allowed', 'denied', 'pending_approval', 'approved', 'expired', 'held',
        'executing', 'executed', 'execution_failed')),
    outcome text NOT NULL CHECK (outcome IN ('allow', 'review', 'deny')),
    reason text NOT NULL,
    message text NOT NULL,
    matched_rule text NOT NULL,
    matched_rule_id text,
    rule_kind text,
    policy_version text,
    policy_hash text,
    approver_role text,
    approval_id text,
    surface_mode text NOT NULL CHECK (surface_mode IN ('shadow', 'enforce')),
    execute text NOT NULL CHECK (execute IN ('caller', 'axiru')),
    advisory jsonb,
    evaluation jsonb NOT NULL,
    rail text NOT NULL,
    rail_action text NOT NULL,
    amount_cents bigint NOT NULL,
    currency text NOT NULL,
    stripe_connection_id text,
    charge text,
    customer_id text,
    initiator_id text NOT NULL,
    source text,
    requested_by text NOT NULL,
    bypass boolean NOT NULL,
    ledger_id text NOT NULL,
    seq bigint NOT NULL,
    received_at timestamptz NOT NULL,
    decided_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX decisions_by_time ON decisions (organization_id, mode, decided_at DESC, id DESC);
CREATE INDEX decisions_unsettled ON decisions (updated_at)
    WHERE state = 'pending_approval' OR (execute = 'axiru' AND state IN ('allowed', 'approved', 'executing'));
CREATE INDEX decisions_by_state ON decisions (organization_id, mode, state, decided_at DESC);

CREATE TABLE movements (
    decision_id text PRIMARY KEY REFERENCES decisions DEFERRABLE INITIALLY DEFERRED,
    organization_id text NOT NULL,
    mode text NOT NULL,
    surface_mode text NOT NULL,
    state text NOT NULL CHECK (state IN ('reserved', 'committed', 'released')),
    rail text NOT NULL,
    rail_action text NOT NULL,
    asset text NOT NULL,
    units numeric NOT NULL CHECK (units > 0),
    initiator_id text NOT NULL,
    counterparty_id text,
    customer_id text,
    merchant_id text,
    charge text,
    moved_at timestamptz NOT NULL
);
CREATE INDEX movements_by_initiator ON movements (organization_id, mode, surface_mode, initiator_id, moved_at)
    WHERE state <> 'released';
CREATE INDEX movements_by_counterparty ON movements (organization_id, mode, surface_mode, counterparty_id, moved_at)
    WHERE state <> 'released' AND counterparty_id IS NOT NULL;
CREATE INDEX movements_by_customer ON movements (organization_id, mode, surface_mode, customer_id, moved_at)
    WHERE state <> 'released' AND customer_id IS NOT NULL;
CREATE INDEX movements_by_merchant ON movements (organization_id, mode, surface_mode, merchant_id, moved_at)
    WHERE state <> 'released' AND merchant_id IS NOT NULL;
CREATE INDEX movements_by_charge ON movements (organization_id, mode, surface_mode, charge, moved_at)
    WHERE state <> 'released' AND charge IS NOT NULL;
CREATE INDEX movements_by_organization ON movements (organization_id, mode, surface_mode, moved_at)
    WHERE state <> 'released';

CREATE TABLE approvals (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL,
    decision_id text NOT NULL UNIQUE REFERENCES decisions,
    state text NOT NULL CHECK (state IN ('pending', 'approved', 'denied', 'expired')),
    terms jsonb NOT NULL,
    digest text NOT NULL,
    requested_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at timestamptz
);
CREATE INDEX approvals_by_state ON approvals (organization_id, mode, state, asked_at DESC);

CREATE TABLE votes (
    id text PRIMARY KEY,
    organization_id text NOT NULL,
    mode text NOT NULL,
    approval_id text NOT NULL REFERENCES approvals,
    member_id text NOT NULL REFERENCES members,
    verdict text NOT NULL CHECK (verdict IN ('approve', 'deny')),
    role text NOT NULL,
    roles text[] NOT NULL,
    digest text NOT NULL,
    reason text NOT NULL,
    door text NOT NULL,
    cast_at timestamptz NOT NULL,
    UNIQUE (approval_id, member_id),
    CHECK (verdict = 'approve' OR reason <> '')
);

CREATE FUNCTION refuse_own_vote() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM approvals WHERE id = NEW.approval_id AND requested_by = NEW.member_id) THEN
        RAISE EXCEPTION 'the requester never votes on their own request' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER votes_not_by_requester BEFORE INSERT ON votes FOR EACH ROW EXECUTE FUNCTION refuse_own_vote();

CREATE TABLE executions (
    decision_id text PRIMARY KEY REFERENCES decisions,
    organization_id text NOT NULL,
    mode text NOT NULL,
    state text NOT NULL CHECK (state IN ('intended', 'calling', 'succeeded', 'failed')),
    idempotency_key text NOT NULL UNIQUE,
    call jsonb NOT NULL,
    attempts integer NOT NULL,
    stripe_object_id text,
    stripe_status text,
    error_code text,
    error_message text,
    intended_at timestamptz NOT NULL,
    first_call_at timestamptz,
    last_call_at timestamptz,
    settled_at timestamptz
);
CREATE INDEX executions_open ON executions (organization_id, mode) WHERE state = 'calling';

CREATE TABLE controls (
    id text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    kind text NOT NULL CHECK (kind IN ('kill_switch', 'freeze', 'hold', 'mark_for_review')),
    scope jsonb NOT NULL,
    applies_to text NOT NULL CHECK (applies_to IN ('test', 'live', 'both')),
    reason text NOT NULL CHECK (reason <> ''),
    engaged_by text NOT NULL REFERENCES members,
    engaged_at timestamptz NOT NULL,
    expires_at timestamptz,
    lifted_by text REFERENCES members,
    lifted_reason text,
    lifted_at timestamptz
);
CREATE INDEX controls_in_force ON controls (organization_id) WHERE lifted_at IS NULL;

CREATE TABLE chain_heads (
    chain text PRIMARY KEY,
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL,
    seq bigint NOT NULL CHECK (seq >= 0),
    entry_hash bytea NOT NULL,
    UNIQUE (organization_id, mode)
);

-- The clock is read after the wait for the lock, so that times along a chain follow its order.
CREATE FUNCTION lock_chain(wanted text) RETURNS TABLE (seq bigint, entry_hash bytea, locked_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT h.seq, h.entry_hash INTO seq, entry_hash FROM chain_heads h WHERE h.chain = wanted FOR UPDATE;
    IF FOUND THEN
        locked_at := clock_timestamp();
        RETURN NEXT;
    END IF;
END
$$;

CREATE TABLE ledger_entries (
    organization_id text NOT NULL REFERENCES organizations,
    mode text NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    kind text NOT NULL,
    decision_id text,
    body bytea NOT NULL,
    prev_hash bytea NOT NULL,
    entry_hash bytea NOT NULL,
    signature bytea NOT NULL,
    sealed_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, mode, seq)
);
CREATE INDEX ledger_entries_by_decision ON ledger_entries (decision_id) WHERE decision_id IS NOT NULL;

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_entries_no_truncate BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE TABLE personal_values (
    organization_id text NOT NULL,
    mode text NOT NULL,
    seq bigint NOT NULL,
    path text NOT NULL,
    salt bytea NOT NULL,
    value jsonb NOT NULL,
    PRIMARY KEY (organization_id, mode, seq, path)
);

CREATE TABLE signing_keys (
    key_id text PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('ledger', 'token')),
    public_jwk jsonb NOT NULL,
    private_ciphertext bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (purpose) WHERE retired_at IS NULL AND purpose = 'ledger';

CREATE TABLE outbox (
    organization_id text NOT NULL,
    mode text NOT NULL,
    seq bigint NOT NULL,
    position integer NOT NULL,
    topic text NOT NULL,
    payload jsonb NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, mode, seq, position)
);

CREATE TABLE outbox_cursors (
    relay text NOT NULL,
    organization_id text NOT NULL,
    mode text NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (relay, organization_id, mode)
);

GRANT USAGE ON SCHEMA public TO axiru_app;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO axiru_app;
GRANT INSERT ON ALL TABLES IN SCHEMA public TO axiru_app;
GRANT UPDATE ON members, stripe_connections, surfaces, policy_versions, idempotency_keys, outbox_cursors
    TO axiru_app;
GRANT UPDATE (revoked_at) ON sessions, api_keys TO axiru_app;
GRANT UPDATE (state, reason, message, matched_rule, updated_at) ON decisions TO axiru_app;
GRANT UPDATE (state) ON movements TO axiru_app;
GRANT UPDATE (state, closed_at) ON approvals TO axiru_app;
GRANT UPDATE (state, attempts, stripe_object_id, stripe_status, error_code, error_message, last_call_at, settled_at)
    ON executions TO axiru_app;
GRANT UPDATE (lifted_by, lifted_reason, lifted_at) ON controls TO axiru_app;
GRANT UPDATE (seq, entry_hash) ON chain_heads TO axiru_app;
GRANT UPDATE (asked_at) ON requests TO axiru_app;
GRANT DELETE ON personal_values TO axiru_app;
REVOKE INSERT, UPDATE, DELETE ON migration FROM axiru_app;
-- Who could add a key could sign entries of its own that verification trusts.
REVOKE INSERT ON signing_keys, organizations FROM axiru_app;
