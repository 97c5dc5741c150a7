-- A member's primary department among those they are in: what the provider says
-- (the highest rank), else the deepest, else the smallest external id. It depends
-- on nothing but what is stored, never on the order of reading. With whether the
-- membership is marked as the primary one already.
CREATE VIEW org_primary_departments AS
SELECT DISTINCT ON (d.provider_id, md.member_id) d.provider_id, md.member_id, d.id AS department_id, d.path, md.is_primary
FROM org_member_departments md
JOIN org_departments d ON d.id = md.department_id AND d.status = 'active'
ORDER BY d.provider_id, md.member_id, md.primary_rank DESC NULLS LAST, d.depth DESC, d.external_id COLLATE "C";
