"""What the hospital writes about a scan: contours (RT Structure Set) and reports (SR)."""

from hospital import (
    INSTITUTION,
    PHYSICIST,
    READING,
    REPORTING,
    STUDY_CLASS,
    SYNTHETIC,
    Visit,
    code,
    item,
    planted_object,
    reference,
)
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage, ImplicitVRLittleEndian, RTStructureSetStorage

# A region's name, kind (RT ROI Interpreted Type), colour, and the outlines on each slice: x, y, z, x, y, z ... in mm.
Region = tuple[str, str, tuple[int, int, int], dict[int, list[list[float]]]]


def structure_set(visit: Visit, slices: int, regions: list[Region]) -> Dataset:
    """Return the outlines of regions on the slices of the visit's CT."""
    patient = visit.patient
    description = f"Contours of {patient.title}"
    ds = planted_object(visit, "RTSTRUCT", RTStructureSetStorage, 3, 1, description, 3600)
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.FrameOfReferenceUID = visit.frame
    ds.PositionReferenceIndicator = ""
    ds.StructureSetLabel = f"{patient.family} {patient.first}".upper()[:16]
    ds.StructureSetName = "Head by Luftschloss"
    ds.StructureSetDescription = f"Drawn by Ivo Luftschloss; {SYNTHETIC}"
    ds.StructureSetDate = visit.date
    ds.StructureSetTime = visit.clock(3600)
    ds.ApprovalStatus = "APPROVED"
    ds.ReviewDate = visit.date
    ds.ReviewTime = visit.clock(4500)
    ds.ReviewerName = READING

    images = [visit.instance(2, n + 1) for n in range(slices)]
    series = item(
        SeriesInstanceUID=visit.series(2),
        ContourImageSequence=[reference(CTImageStorage, image) for image in images],
    )
    study_item = reference(STUDY_CLASS, visit.study)
    study_item.RTReferencedSeriesSequence = [series]
    ds.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=visit.frame, RTReferencedStudySequence=[study_item])
    ]
    ds.StructureSetROISequence = []
    ds.ROIContourSequence = []
    ds.RTROIObservationsSequence = []
    for number, (name, kind, colour, outlines) in enumerate(regions, start=1):
        contours = [
            item(
                ContourImageSequence=[reference(CTImageStorage, images[index])],
                ContourGeometricType="CLOSED_PLANAR",
                NumberOfContourPoints=len(points) // 3,
                ContourData=points,
            )
            for index, drawn in sorted(outlines.items())
            for points in drawn
        ]
        ds.StructureSetROISequence.append(
            item(
                ROINumber=number,
                ReferencedFrameOfReferenceUID=visit.frame,
                ROIName=name,
                ROIDescription="Asked for by Dr. Attrappe",
                ROIGenerationAlgorithm="MANUAL",
                ROIGenerationDescription="Drawn by hand by Ivo Luftschloss",
            )
        )
        ds.ROIContourSequence.append(
            item(ROIDisplayColor=list(colour), ReferencedROINumber=number, ContourSequence=contours)
        )
        ds.RTROIObservationsSequence.append(
            item(
                ObservationNumber=number,
                ReferencedROINumber=number,
                ROIObservationLabel=patient.family,
                RTROIInterpretedType=kind,
                ROIInterpreter=PHYSICIST,
            )
        )
    return ds


def line(relationship: str, value_type: str, concept: tuple[str, str, str], **values: object) -> Dataset:
    """Return one line of the report, a content item (PS3.3, section C.17.3)."""
    return item(RelationshipType=relationship, ValueType=value_type, ConceptNameCodeSequence=[code(*concept)], **values)


def section(concept: tuple[str, str, str], *lines: Dataset) -> Dataset:
    """Return a section of the report."""
    return line("CONTAINS", "CONTAINER", concept, ContinuityOfContent="SEPARATE", ContentSequence=lines)


def evidence(visit: Visit, objects: dict[int, list[tuple[str, int]]]) -> Dataset:
    """Return the list of objects that the report refers to, by the numbers of their series."""
    return item(
        StudyInstanceUID=visit.study,
        ReferencedSeriesSequence=[
            item(
                SeriesInstanceUID=visit.series(series),
                ReferencedSOPSequence=[reference(kind, visit.instance(series, number)) for kind, number in members],
            )
            for series, members in objects.items()
        ],
    )


def measurement_report(visit: Visit, current: list[Dataset], earlier: list[Dataset], *sections: Dataset) -> Dataset:
    """Return a radiologist's report (TID 1500) on the evidence that it names, current and earlier."""
    patient, procedure = visit.patient, code(visit.procedure_code[0], "99EHN", visit.procedure_code[1])
    ds = planted_object(visit, "SR", Comprehensive3DSRStorage, 4, 1, "Report Dr. Nirgends", 5400)
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ContentDate = visit.date
    ds.ContentTime = visit.clock(5400)
    ds.CompletionFlag = "COMPLETE"
    ds.VerificationFlag = "VERIFIED"
    who = code("P-10077", "99EHN", "Nirgends Vera")
    hospital = code("EHN", "99EHN", INSTITUTION)
    ds.VerifyingObserverSequence = [
        item(
            VerifyingOrganization=INSTITUTION,
            VerificationDateTime=visit.date + visit.clock(6000) + visit.utc_offset,
            VerifyingObserverName=REPORTING,
            VerifyingObserverIdentificationCodeSequence=[who],
        )
    ]
    ds.AuthorObserverSequence = [
        item(
            ObserverType="PSN",
            InstitutionName=INSTITUTION,
            InstitutionCodeSequence=[hospital],
            PersonName=REPORTING,
            PersonIdentificationCodeSequence=[who],
        )
    ]
    ds.CustodialOrganizationSequence = [item(InstitutionName=INSTITUTION, InstitutionCodeSequence=[hospital])]
    ds.ReferencedRequestSequence = [
        item(
            StudyInstanceUID=visit.study,
            ReferencedStudySequence=[reference(STUDY_CLASS, visit.study)],
            AccessionNumber=visit.accession,
            PlacerOrderNumberImagingServiceRequest=f"PLACE-{visit.number}",
            FillerOrderNumberImagingServiceRequest=f"FILL-{visit.number}",
            RequestedProcedureID=f"RP-{visit.number}",
            RequestedProcedureDescription=f"{visit.procedure} of {patient.first} {patient.family}",
            RequestedProcedureCodeSequence=[procedure],
        )
    ]
    ds.PerformedProcedureCodeSequence = [procedure]
    ds.CurrentRequestedProcedureEvidenceSequence = current
    ds.PertinentOtherEvidenceSequence = earlier

    ds.ValueType = "CONTAINER"
    ds.ConceptNameCodeSequence = [code("126000", "DCM", "Imaging Measurement Report")]
    ds.ContinuityOfContent = "SEPARATE"
    ds.ContentTemplateSequence = [item(MappingResource="DCMR", TemplateIdentifier="1500")]
    context = "HAS OBS CONTEXT"
    language = ("121049", "DCM", "Language of Content Item and Descendants")
    ds.ContentSequence = [
        line("HAS CONCEPT MOD", "CODE", language, ConceptCodeSequence=[code("en", "RFC5646", "English")]),
        line(
            context,
            "CODE",
            ("121005", "DCM", "Observer Type"),
            ConceptCodeSequence=[code("121006", "DCM", "Person")],
        ),
        line(context, "PNAME", ("121008", "DCM", "Person Observer Name"), PersonName=REPORTING),
        line(context, "TEXT", ("121009", "DCM", "Person Observer's Organization Name"), TextValue=INSTITUTION),
        line(context, "PNAME", ("121029", "DCM", "Subject Name"), PersonName=patient.name),
        line(context, "TEXT", ("121030", "DCM", "Subject ID"), TextValue=patient.patient_id),
        line(context, "DATE", ("121031", "DCM", "Subject Birth Date"), Date=patient.birth_date),
        line(
            context,
            "CODE",
            ("121032", "DCM", "Subject Sex"),
            ConceptCodeSequence=[code(patient.sex, "DCM", "Female" if patient.sex == "F" else "Male")],
        ),
        line(context, "UIDREF", ("121018", "DCM", "Procedure Study Instance UID"), UID=visit.study),
        line(context, "TEXT", ("121022", "DCM", "Accession Number"), TextValue=visit.accession),
        *sections,
    ]
    return ds
