SELECT w.id AS ogc_fid, w.site_id, w.parcel_id::varchar(52) AS site_pid, st.code AS site_type, w.name_english AS name_eng,
       w.name_original AS name, w.designation_original AS desig, d.description ->> 'en' AS desig_eng,
       dt.description ->> 'en' AS desig_type, ic.description ->> 'en' AS iucn_cat, crit.int_crit,
       r.description ->> 'en' AS realm, w.reported_marine_area AS rep_m_area, w.gis_marine_area AS gis_m_area,
       w.reported_area AS rep_area, w.gis_area, nt.description ->> 'en' AS no_take, w.no_take_area AS no_tk_area,
       sc.description ->> 'en' AS status, w.status_year AS status_yr, gt.description ->> 'en' AS gov_type, gs.govsubtype,
       ot.description ->> 'en' AS own_type, os.ownsubtype, w.management_authority AS mang_auth, w.management_plan AS mang_plan,
       co.description ->> 'en' AS cons_obj, w.supplementary_info AS supp_info, v.description ->> 'en' AS verif,
       iw.description ->> 'en' AS inlnd_wtrs, oa.oecm_asmt, s.metadata_id AS metadataid, prnt.prnt_iso3, iso.iso3,
       sd.geom AS wkb_geometry
FROM portal_fdw.wdpas w
JOIN portal_fdw.spatial_data sd ON sd.wdpa_id = w.id
JOIN portal_fdw.source s ON s.id = w.source_id
JOIN portal_fdw.site_type_cat st ON st.id = w.site_type_cat_id
JOIN portal_fdw.designation_eng_cat d ON d.id = w.designation_eng_cat_id
JOIN portal_fdw.designation_type_cat dt ON dt.id = w.designation_type_cat_id
JOIN portal_fdw.iucn_category_cat ic ON ic.id = w.iucn_category_cat_id
JOIN portal_fdw.realm_cat r ON r.id = w.realm_cat_id
JOIN portal_fdw.no_take_cat nt ON nt.id = w.no_take_cat_id
JOIN portal_fdw.status_cat sc ON sc.id = w.status_cat_id
JOIN portal_fdw.governance_type_cat gt ON gt.id = w.governance_type_cat_id
JOIN portal_fdw.ownership_type_cat ot ON ot.id = w.ownership_type_cat_id
JOIN portal_fdw.conservation_objective_cat co ON co.id = w.conservation_objective_cat_id
JOIN portal_fdw.verification_cat v ON v.id = w.verification_cat_id
JOIN portal_fdw.inland_waters_cat iw ON iw.id = w.inland_waters_cat_id
LEFT JOIN portal_iso3_agg iso ON iso.site_id = w.site_id AND iso.site_pid = w.parcel_id
LEFT JOIN portal_parent_iso3_agg prnt ON prnt.site_id = w.site_id AND prnt.site_pid = w.parcel_id
LEFT JOIN portal_int_crit_agg crit ON crit.site_id = w.site_id AND crit.site_pid = w.parcel_id
LEFT JOIN (SELECT x.wdpa_id, string_agg(c.description ->> 'en', ';' ORDER BY c.id) AS govsubtype
           FROM portal_fdw.wdpa_governance_subtypes x JOIN portal_fdw.governance_subtype_cat c ON c.id = x.governance_subtype_cat_id
           GROUP BY x.wdpa_id) gs ON gs.wdpa_id = w.id
LEFT JOIN (SELECT x.wdpa_id, string_agg(c.description ->> 'en', ';' ORDER BY c.id) AS ownsubtype
           FROM portal_fdw.wdpa_ownership_subtypes x JOIN portal_fdw.ownership_subtype_cat c ON c.id = x.ownership_subtype_cat_id
           GROUP BY x.wdpa_id) os ON os.wdpa_id = w.id
LEFT JOIN (SELECT x.wdpa_id, string_agg(c.description ->> 'en', ';' ORDER BY c.id) AS oecm_asmt
           FROM portal_fdw.wdpa_oecm_assessments x JOIN portal_fdw.oecm_assessment_cat c ON c.id = x.oecm_assessment_cat_id
           GROUP BY x.wdpa_id) oa ON oa.wdpa_id = w.id
