-- $1: release. Phases that ended with their milliseconds, and checks with their violations, each as it last went. The gates of
-- validate_and_manifest are checks, too; what they find stops the release or is told by them.
SELECT DISTINCT ON (told.kind, told.name) told.kind, told.name, told.number
  FROM (SELECT e.seq, e.kind,
               e.payload ->> CASE e.kind WHEN 'phase_finished' THEN 'phase' ELSE 'check' END AS name,
               (e.payload ->> CASE e.kind WHEN 'phase_finished' THEN 'took_ms' ELSE 'violations' END)::bigint AS number
          FROM cutover.event e
         WHERE e.release = $1
           AND (e.kind = 'phase_finished' OR e.kind = 'check_finished' AND e.phase <> 'validate_and_manifest')) told
 WHERE told.name IS NOT NULL AND told.number IS NOT NULL
 ORDER BY told.kind, told.name, told.seq DESC
