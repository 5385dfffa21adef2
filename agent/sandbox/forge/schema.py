"""The tables of the embedded GitHub, as SQL."""

TABLES = """
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE COLLATE NOCASE, kind TEXT NOT NULL, name TEXT NOT NULL,
    created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users, repo_id INTEGER, permissions TEXT,
    run_id INTEGER, job TEXT, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS repositories (
    id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES users, owner TEXT NOT NULL COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE, default_branch TEXT NOT NULL, created_at TEXT NOT NULL,
    pushed_at TEXT NOT NULL, last_number INTEGER NOT NULL DEFAULT 0, UNIQUE (owner, name));
CREATE TABLE IF NOT EXISTS roles (
    repo_id INTEGER NOT NULL, user_id INTEGER NOT NULL, role TEXT NOT NULL, PRIMARY KEY (repo_id, user_id));
CREATE TABLE IF NOT EXISTS labels (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, color TEXT NOT NULL,
    description TEXT, UNIQUE (repo_id, name));
CREATE TABLE IF NOT EXISTS issues (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, number INTEGER NOT NULL, is_pull INTEGER NOT NULL,
    title TEXT NOT NULL, body TEXT, user_id INTEGER NOT NULL, by_app INTEGER NOT NULL, state TEXT NOT NULL,
    state_reason TEXT, locked INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    closed_at TEXT, closed_by INTEGER, UNIQUE (repo_id, number));
CREATE TABLE IF NOT EXISTS issue_labels (
    issue_id INTEGER NOT NULL, label_id INTEGER NOT NULL, PRIMARY KEY (issue_id, label_id));
CREATE TABLE IF NOT EXISTS issue_assignees (
    issue_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (issue_id, user_id));
CREATE TABLE IF NOT EXISTS issue_events (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, issue_id INTEGER NOT NULL, actor_id INTEGER NOT NULL,
    event TEXT NOT NULL, label TEXT, commit_id TEXT, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS comments (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, issue_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
    by_app INTEGER NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS comments_of_issue ON comments (issue_id, id);
CREATE TABLE IF NOT EXISTS reactions (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL, subject_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
    content TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (subject, subject_id, user_id, content));
CREATE TABLE IF NOT EXISTS pulls (
    issue_id INTEGER PRIMARY KEY REFERENCES issues, head_ref TEXT NOT NULL, head_sha TEXT NOT NULL,
    base_ref TEXT NOT NULL, base_sha TEXT NOT NULL, draft INTEGER NOT NULL DEFAULT 0, merged_at TEXT,
    merged_by INTEGER, merge_sha TEXT, tested_head TEXT, tested_base TEXT, mergeable INTEGER);
CREATE TABLE IF NOT EXISTS reviews (
    id INTEGER PRIMARY KEY, issue_id INTEGER NOT NULL, user_id INTEGER NOT NULL, state TEXT NOT NULL,
    body TEXT NOT NULL, commit_id TEXT NOT NULL, submitted_at TEXT);
CREATE TABLE IF NOT EXISTS review_comments (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, issue_id INTEGER NOT NULL, review_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL, body TEXT NOT NULL, path TEXT NOT NULL, commit_id TEXT NOT NULL,
    original_commit_id TEXT NOT NULL, diff_hunk TEXT NOT NULL, position INTEGER, line INTEGER, side TEXT NOT NULL,
    start_line INTEGER, start_side TEXT, in_reply_to INTEGER, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS check_suites (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, head_sha TEXT NOT NULL, app_id INTEGER NOT NULL,
    created_at TEXT NOT NULL, UNIQUE (repo_id, head_sha, app_id));
CREATE TABLE IF NOT EXISTS check_runs (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, suite_id INTEGER NOT NULL, head_sha TEXT NOT NULL,
    app_id INTEGER NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL, conclusion TEXT, started_at TEXT NOT NULL,
    completed_at TEXT, external_id TEXT, details_url TEXT, title TEXT, summary TEXT, text TEXT);
CREATE INDEX IF NOT EXISTS check_runs_of_commit ON check_runs (repo_id, head_sha);
CREATE TABLE IF NOT EXISTS annotations (
    id INTEGER PRIMARY KEY, check_run_id INTEGER NOT NULL, path TEXT NOT NULL, start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL, start_column INTEGER, end_column INTEGER, annotation_level TEXT NOT NULL,
    title TEXT, message TEXT NOT NULL, raw_details TEXT);
CREATE TABLE IF NOT EXISTS statuses (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, sha TEXT NOT NULL, state TEXT NOT NULL, context TEXT NOT NULL,
    description TEXT, target_url TEXT, user_id INTEGER NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS variables (
    repo_id INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, PRIMARY KEY (repo_id, name));
CREATE TABLE IF NOT EXISTS minimized (comment_id INTEGER PRIMARY KEY, reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS comment_editors (
    comment_id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, edited_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS apps (
    id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users, slug TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL, permissions TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS installations (
    id INTEGER PRIMARY KEY, app_id INTEGER NOT NULL, owner_id INTEGER NOT NULL, created_at TEXT NOT NULL,
    UNIQUE (app_id, owner_id));
CREATE TABLE IF NOT EXISTS app_tokens (
    token TEXT PRIMARY KEY, app_id INTEGER NOT NULL, owner_id INTEGER NOT NULL, expires_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS forks (repo_id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pull_heads (issue_id INTEGER PRIMARY KEY REFERENCES issues, head_repo_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS kept_settings (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE,
    value TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (repo_id, kind, name));
CREATE TABLE IF NOT EXISTS activities (
    id INTEGER PRIMARY KEY, repo_id INTEGER NOT NULL, actor_id INTEGER NOT NULL, ref TEXT NOT NULL,
    before_sha TEXT NOT NULL, after_sha TEXT NOT NULL, kind TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS activities_of_branch ON activities (repo_id, ref, id);
CREATE TABLE IF NOT EXISTS api_calls (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL,
    actor TEXT NOT NULL, run_id INTEGER);
"""
