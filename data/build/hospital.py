"""The hospital that does not exist: its patients, its visits, and what it writes into every DICOM object.

`planted_object` starts a data set with identifying data planted everywhere that DICOM has room for it; a builder adds
the image, and `save` writes the file.  Needs pydicom.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

SYNTHETIC = "synthetic data, no real person"

# The root that pydicom gives out for tests.  What follows it is made as scanners make it: serial number, date, time.
ROOT = "1.2.826.0.1.3680043.8.498"
STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"  # retired, but RTSTRUCT still refers to a study by it (PS3.3 C.8.8.5)
PROCEDURE_STEP_CLASS = "1.2.840.10008.3.1.2.3.3"

REFERRING = "Placebo^Quirin^^Dr."
PERFORMING = "Fantasia^Leonie^^Dr."
READING = "Erfunden^Otto^^Prof."
OPERATOR = "Schablone^Mia"
REQUESTING = "Attrappe^Bruno^^Dr."
REPORTING = "Nirgends^Vera^^Dr."
PHYSICIST = "Luftschloss^Ivo"

INSTITUTION = "Example Hospital of Nowhere"
DEPARTMENT = "Radiology Nowhere North"
ADDRESS = "1 Imaginary Square, 00000 Nowhere"
PHONE = "01632 960047"  # 01632 960 000 to 960 999 is set aside for fiction


@dataclass(frozen=True)
class Patient:
    """Somebody who does not exist."""

    name: str
    patient_id: str
    birth_date: str
    birth_time: str
    sex: str
    size: str
    weight: str
    former_id: str
    former_name: str
    other_name: str
    mother: str
    national_id: str
    insurance_id: str
    address: str
    telephone: str
    email: str
    residence: str
    occupation: str
    service: tuple[str, str]
    language: tuple[str, str]
    alert: str
    allergy: str
    history: str
    special_need: str
    relative: str
    relation: str
    kinship: str

    @property
    def family(self) -> str:
        """Return the family name."""
        return self.name.split("^")[0]

    @property
    def first(self) -> str:
        """Return the first of the given names."""
        return self.name.split("^")[1].split(" ")[0]

    @property
    def title(self) -> str:
        """Return how the staff write of the patient."""
        return f"{'Ms' if self.sex == 'F' else 'Mr'} {self.family}"


ADA = Patient(
    name="Testperson^Ada Fictia",
    patient_id="EHN-4711093",
    birth_date="19610412",
    birth_time="043700",
    sex="F",
    size="1.68",
    weight="63.5",
    former_id="EHN-OLD-20417",
    former_name="Beispiel^Ada Fictia",
    other_name="Testperson-Muster^Ada",
    mother="Prüfling^Erna",
    national_id="NWID-6105530",
    insurance_id="SYN-INS-880421",
    address="17 Invented Lane, 00017 Nowhere",
    telephone="01632 960148",
    email="ada.testperson@example.org",
    residence="Beacon House of Nowhere",
    occupation="Beacon keeper",
    service=("Corporal", "Nowhere Coast Guard"),
    language=("de", "German"),
    alert="Latex",
    allergy="Penicillin",
    history="takes anticoagulants",
    special_need="Hard of hearing, left ear",
    relative="Testperson^Bo",
    relation="SPOUSE",
    kinship="Husband",
)
JONAS = Patient(
    name="Muster^Jonas Konrad",
    patient_id="EHN-5820316",
    birth_date="19570903",
    birth_time="221500",
    sex="M",
    size="1.79",
    weight="84",
    former_id="EHN-OLD-11873",
    former_name="Muster^Jonas",
    other_name="Mustermann^Jonas K.",
    mother="Muster^Hilde",
    national_id="NWID-5709216",
    insurance_id="SYN-INS-310774",
    address="4 Made-up Mews, 00004 Nowhere",
    telephone="01632 960311",
    email="jonas.muster@example.org",
    residence="Lighthouse Court of Nowhere",
    occupation="Organ builder",
    service=("Private", "Nowhere Mountain Rescue"),
    language=("en", "English"),
    alert="Pacemaker",
    allergy="Nuts",
    history="has had a pacemaker, serial number NX 4471203, since 2021",
    special_need="Walks with a stick",
    relative="Muster^Inga",
    relation="SPOUSE",
    kinship="Wife",
)
ROSA = Patient(
    name="Specimen^Rosa Lind",
    patient_id="EHN-6093847",
    birth_date="19890217",
    birth_time="110300",
    sex="F",
    size="1.72",
    weight="68",
    former_id="EHN-OLD-39006",
    former_name="Dummy^Rosa Lind",
    other_name="Specimen-Dummy^Rosa",
    mother="Dummy^Carla",
    national_id="NWID-8902173",
    insurance_id="SYN-INS-507112",
    address="22 Fable Street, 00022 Nowhere",
    telephone="01632 960205",
    email="rosa.specimen@example.org",
    residence="Fable Yard of Nowhere",
    occupation="Puppet maker",
    service=("None", "None"),
    language=("en", "English"),
    alert="Type 1 diabetes",
    allergy="None known",
    history="wears an insulin pump and a medical-ID bracelet, number 4471-9083",
    special_need="Keep the insulin pump on",
    relative="Specimen^Tam",
    relation="SPOUSE",
    kinship="Husband",
)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One visit of a patient to one scanner."""

    patient: Patient
    date: str
    start: int  # seconds after midnight
    age: str
    serial: str
    station: str
    manufacturer: str
    model: str
    accession: str
    study_id: str
    number: str  # the end of all other numbers that the hospital gave this visit
    reason: str
    procedure: str
    procedure_code: tuple[str, str]
    question: str
    prior: "Visit | None" = None
    utc_offset: str = "+0100"

    def uid(self, *parts: int) -> str:
        """Return a UID as a scanner makes it: serial number, date and time are in it."""
        return ".".join([ROOT, self.serial, self.date + self.clock()[:6], *map(str, parts)])

    def clock(self, seconds: float = 0) -> str:
        """Return the time so many seconds after the visit's start, as DICOM writes it."""
        minutes, rest = divmod(self.start + seconds, 60)
        return f"{int(minutes) // 60:02d}{int(minutes) % 60:02d}{rest:09.6f}"

    @property
    def study(self) -> str:
        """Return the Study Instance UID."""
        return self.uid(1)

    @property
    def frame(self) -> str:
        """Return the Frame of Reference UID."""
        return self.uid(2)

    def series(self, number: int) -> str:
        """Return a Series Instance UID."""
        return self.uid(3, number)

    def instance(self, series: int, number: int) -> str:
        """Return a SOP Instance UID."""
        return self.uid(4, series, number)


HEADACHE = Visit(
    patient=ADA,
    date="20220927",
    start=56070,
    age="061Y",
    serial="31852",
    station="EHNCT02",
    manufacturer="Synthetic Scanner Works",
    model="Phantomat 64",
    accession="EHN22A0094412",
    study_id="ST70551",
    number="771804",
    reason="Headache",
    procedure="CT head",
    procedure_code=("CTHEAD", "CT of the head"),
    question="Bleeding?",
)
FALL = Visit(
    patient=ADA,
    date="20240311",
    start=36915,
    age="062Y",
    serial="60417",
    station="EHNCT07",
    manufacturer="Synthetic Scanner Works",
    model="Phantomat 64",
    accession="EHN24A0031177",
    study_id="ST88213",
    number="903317",
    reason="Fall off a ladder",
    procedure="CT head",
    procedure_code=("CTHEAD", "CT of the head"),
    question="Bleeding?",
    prior=HEADACHE,
)

FOLLOW_UP_CT = Visit(
    patient=ADA,
    date="20240604",
    start=33240,
    age="063Y",
    serial="60417",
    station="EHNCT07",
    manufacturer="Synthetic Scanner Works",
    model="Phantomat 64",
    accession="EHN24A0058120",
    study_id="ST90166",
    number="917742",
    reason="Forgetful since a fall",
    procedure="CT head, thin slices",
    procedure_code=("CTHEADT", "CT of the head, thin slices"),
    question="Bleeding gone?",
    prior=FALL,
    utc_offset="+0200",
)
FOLLOW_UP_MR = Visit(
    patient=ADA,
    date="20240605",
    start=51720,
    age="063Y",
    serial="27785",
    station="EHNMR03",
    manufacturer="Synthetic Magnet Works",
    model="Phantomag 3T",
    accession="EHN24A0058121",
    study_id="ST90171",
    number="917743",
    reason="Forgetful since a fall",
    procedure="MR head",
    procedure_code=("MRHEAD", "MR of the head"),
    question="Atrophy?",
    prior=FOLLOW_UP_CT,
    utc_offset="+0200",
)
FOLLOW_UP_PET = Visit(
    patient=ADA,
    date="20240611",
    start=40500,
    age="063Y",
    serial="90342",
    station="EHNPT01",
    manufacturer="Synthetic Positron Works",
    model="Phantopet 20",
    accession="EHN24A0060344",
    study_id="ST90588",
    number="919206",
    reason="Forgetful since a fall",
    procedure="FDG PET brain",
    procedure_code=("PTBRAIN", "FDG PET of the brain"),
    question="Less uptake anywhere?",
    prior=FOLLOW_UP_MR,
    utc_offset="+0200",
)


# Small pieces ---------------------------------------------------------------------------------------------------------


def item(**values: object) -> Dataset:
    """Return an item of a sequence."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a coded concept (PS3.3, section 8.8)."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def reference(sop_class: str, instance: str) -> Dataset:
    """Return an item that refers to another object."""
    return item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=instance)


def staff(name: str, number: str) -> Dataset:
    """An item that says who somebody is; the name hides in the meaning of a code, too."""
    return item(
        PersonIdentificationCodeSequence=[code(number, "99EHN", name.split("^")[0] + " " + name.split("^")[1])],
        PersonAddress=ADDRESS,
        PersonTelephoneNumbers=PHONE,
        InstitutionName=INSTITUTION,
        InstitutionAddress=ADDRESS,
        InstitutionalDepartmentName=DEPARTMENT,
    )


# What every file holds ------------------------------------------------------------------------------------------------


def planted_object(
    visit: Visit, modality: str, sop_class: str, series: int, number: int, description: str, seconds: float = 0
) -> Dataset:
    """Return a data set with all that the hospital writes into every object, and no image yet.

    `description` is the series' and `seconds` the time after the visit's start at which the object was made.
    """
    ds = Dataset()
    add_object(ds, visit, sop_class, visit.instance(series, number), number, seconds)
    add_patient(ds, visit)
    add_study(ds, visit)
    add_series(ds, visit, modality, series, description, seconds)
    add_equipment(ds, visit)
    return ds


def add_patient(ds: Dataset, visit: Visit) -> None:
    """Plant the patient."""
    patient = visit.patient
    ds.PatientName = patient.name
    ds.PatientID = patient.patient_id
    ds.IssuerOfPatientID = "EHN-NOWHERE"
    ds.IssuerOfPatientIDQualifiersSequence = [item(UniversalEntityID="ehn.example.org", UniversalEntityIDType="DNS")]
    ds.PatientBirthDate = patient.birth_date
    ds.PatientBirthTime = patient.birth_time
    ds.PatientSex = patient.sex
    ds.PatientAge = visit.age
    ds.PatientSize = patient.size
    ds.PatientWeight = patient.weight
    ds.OtherPatientIDsSequence = [
        item(PatientID=patient.national_id, IssuerOfPatientID="NOWHERE REGISTRY", TypeOfPatientID="TEXT"),
        item(PatientID=patient.insurance_id, IssuerOfPatientID="SYNTHETIC MUTUAL", TypeOfPatientID="TEXT"),
    ]
    ds.OtherPatientNames = [patient.other_name, patient.former_name]
    ds.PatientBirthName = patient.former_name
    ds.PatientMotherBirthName = patient.mother
    ds.PatientInsurancePlanCodeSequence = [code("SM-GOLD", "99EHN", "Synthetic Mutual Gold Plan")]
    ds.PatientPrimaryLanguageCodeSequence = [code(patient.language[0], "RFC5646", patient.language[1])]
    ds.PatientAddress = patient.address
    ds.PatientTelephoneNumbers = patient.telephone
    ds.PatientTelecomInformation = patient.email
    ds.CountryOfResidence = "Nowhere"
    ds.RegionOfResidence = "Lower Nowhere"
    ds.MilitaryRank = patient.service[0]
    ds.BranchOfService = patient.service[1]
    ds.EthnicGroup = "Nowherian"
    ds.Occupation = patient.occupation
    ds.SmokingStatus = "NO"
    ds.PatientReligiousPreference = "None given"
    ds.MedicalRecordLocator = "MRL-200931"
    ds.MedicalAlerts = patient.alert
    ds.Allergies = f"{patient.allergy}, as Dr. Placebo told"
    ds.AdditionalPatientHistory = f"{visit.reason}; {patient.title} {patient.history}"
    ds.SpecialNeeds = patient.special_need
    ds.PatientState = "Awake"
    ds.PatientComments = f"{patient.kinship}: {' '.join(patient.relative.split('^')[::-1])}, {PHONE}. {SYNTHETIC}"
    ds.ResponsiblePerson = patient.relative
    ds.ResponsiblePersonRole = patient.relation
    ds.CurrentPatientLocation = "Ward 7B, bed 12"
    ds.PatientInstitutionResidence = patient.residence
    ds.AdmissionID = f"ADM-{visit.number}"
    ds.AdmittingDate = visit.date
    ds.AdmittingTime = visit.clock(-5400)
    ds.AdmittingDiagnosesDescription = f"{visit.reason}, sent by Dr. Placebo"
    ds.ServiceEpisodeID = f"EPI-{visit.number}"
    ds.ServiceEpisodeDescription = f"{patient.title}: {visit.reason}"


def add_study(ds: Dataset, visit: Visit) -> None:
    """Plant the study: numbers, dates, and the physicians around it."""
    ds.StudyInstanceUID = visit.study
    ds.StudyDate = visit.date
    ds.StudyTime = visit.clock()
    ds.StudyID = visit.study_id
    ds.AccessionNumber = visit.accession
    ds.StudyDescription = f"{visit.procedure}, Dr. Placebo"
    ds.TimezoneOffsetFromUTC = visit.utc_offset
    ds.ReferringPhysicianName = REFERRING
    ds.ReferringPhysicianAddress = ADDRESS
    ds.ReferringPhysicianTelephoneNumbers = PHONE
    ds.ReferringPhysicianIdentificationSequence = [staff(REFERRING, "P-10021")]
    ds.ConsultingPhysicianName = REQUESTING
    ds.PhysiciansOfRecord = [REFERRING, READING]
    ds.PhysiciansOfRecordIdentificationSequence = [staff(REFERRING, "P-10021"), staff(READING, "P-10055")]
    ds.NameOfPhysiciansReadingStudy = READING
    ds.PhysiciansReadingStudyIdentificationSequence = [staff(READING, "P-10055")]
    ds.RequestingPhysician = REQUESTING
    ds.RequestingService = "Emergency Nowhere North"
    ds.ProcedureCodeSequence = [code(visit.procedure_code[0], "99EHN", visit.procedure_code[1])]
    ds.ReasonForPerformedProcedureCodeSequence = [code("WHY", "99EHN", visit.reason)]
    if visit.prior:
        ds.ReferencedStudySequence = [reference(STUDY_CLASS, visit.prior.study)]


def add_series(ds: Dataset, visit: Visit, modality: str, number: int, description: str, seconds: float) -> None:
    """Plant the series: who made it, when, and what was asked for."""
    ds.Modality = modality
    ds.SeriesInstanceUID = visit.series(number)
    ds.SeriesNumber = number
    ds.SeriesDate = visit.date
    ds.SeriesTime = visit.clock(seconds)
    ds.SeriesDescription = description
    ds.OperatorsName = [OPERATOR]
    ds.OperatorIdentificationSequence = [staff(OPERATOR, "T-20417")]
    ds.PerformingPhysicianName = PERFORMING
    ds.PerformingPhysicianIdentificationSequence = [staff(PERFORMING, "P-10038")]
    ds.PerformedProcedureStepID = f"PPS-{visit.number}"
    ds.PerformedProcedureStepStartDate = visit.date
    ds.PerformedProcedureStepStartTime = visit.clock()
    ds.PerformedProcedureStepEndDate = visit.date
    ds.PerformedProcedureStepEndTime = visit.clock(900)
    ds.PerformedProcedureStepDescription = f"{visit.procedure}, asked for by Dr. Attrappe"
    ds.CommentsOnThePerformedProcedureStep = f"{visit.patient.title} was restless"
    ds.ReferencedPerformedProcedureStepSequence = [reference(PROCEDURE_STEP_CLASS, visit.uid(5))]
    ds.RequestAttributesSequence = [
        item(
            StudyInstanceUID=visit.study,
            AccessionNumber=visit.accession,
            RequestedProcedureID=f"RP-{visit.number}",
            RequestedProcedureDescription=f"{visit.procedure} of {visit.patient.first} {visit.patient.family}",
            RequestedProcedureCodeSequence=[code(visit.procedure_code[0], "99EHN", visit.procedure_code[1])],
            ScheduledProcedureStepID=f"SPS-{visit.number}",
            ScheduledProcedureStepDescription=visit.procedure,
            ReasonForTheRequestedProcedure=f"{visit.question} Known to Prof. Erfunden",
        )
    ]
    if visit.prior:
        ds.RelatedSeriesSequence = [
            item(
                StudyInstanceUID=visit.prior.study,
                SeriesInstanceUID=visit.prior.series(2),
                PurposeOfReferenceCodeSequence=[code("122401", "DCM", "Same Anatomy")],
            )
        ]


def add_equipment(ds: Dataset, visit: Visit) -> None:
    """Plant the scanner and its place."""
    ds.Manufacturer = visit.manufacturer
    ds.ManufacturerModelName = visit.model
    ds.InstitutionName = INSTITUTION
    ds.InstitutionAddress = ADDRESS
    ds.InstitutionalDepartmentName = DEPARTMENT
    ds.StationName = visit.station
    ds.DeviceSerialNumber = visit.serial
    ds.DeviceUID = f"{ROOT}.{visit.serial}"
    ds.UDISequence = [item(UniqueDeviceIdentifier=f"(01)00000000000000(21){visit.serial}")]
    ds.SoftwareVersions = ["PHANTOM VA40A", f"SITE {visit.station}"]
    ds.DateOfLastCalibration = visit.date
    ds.TimeOfLastCalibration = visit.clock(-10800)


def add_object(ds: Dataset, visit: Visit, sop_class: str, instance: str, number: int, seconds: float) -> None:
    """Plant what else is kept with an object, its file meta information, and the preamble."""
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = instance
    ds.InstanceNumber = number
    ds.InstanceCreationDate = visit.date
    ds.InstanceCreationTime = visit.clock(seconds + 2)
    ds.InstanceCreatorUID = f"{ROOT}.{visit.serial}"
    ds.ContributingEquipmentSequence = [
        item(
            PurposeOfReferenceCodeSequence=[code("109103", "DCM", "Modifying Equipment")],
            Manufacturer="Synthetic Archive Works",
            InstitutionName=INSTITUTION,
            InstitutionAddress=ADDRESS,
            StationName="EHNPACS1",
            OperatorsName=[OPERATOR],
            DeviceSerialNumber="PACS-778",
            ContributionDateTime=visit.date + visit.clock(1200) + visit.utc_offset,
            ContributionDescription=f"Corrected the name of {visit.patient.title}",
        )
    ]
    ds.OriginalAttributesSequence = [
        item(
            SourceOfPreviousValues="EHN registry",
            AttributeModificationDateTime=visit.date + visit.clock(1200) + visit.utc_offset,
            ModifyingSystem="EHNPACS1",
            ReasonForTheAttributeModification="COERCE",
            ModifiedAttributesSequence=[item(PatientName=visit.patient.former_name, PatientID=visit.patient.former_id)],
        )
    ]

    ds.file_meta = FileMetaDataset()
    meta = ds.file_meta
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = f"{ROOT}.1"
    meta.ImplementationVersionName = "PLANTED_1"
    meta.SourceApplicationEntityTitle = visit.station
    meta.SendingApplicationEntityTitle = "EHN_SEND"
    meta.ReceivingApplicationEntityTitle = "EHN_PACS"
    meta.PrivateInformationCreatorUID = f"{ROOT}.{visit.serial}"
    meta.PrivateInformation = f"{visit.patient.name} {visit.patient.patient_id}".encode()
    # The standard leaves the first 128 bytes of a file to everybody's own use (PS3.10, section 7.1).
    ds.preamble = f"Sent by {visit.station} of {INSTITUTION} for {visit.patient.name}".encode().ljust(128, b"\0")


def add_siemens(ds: Dataset, visit: Visit, previous: str) -> None:
    """Add private attributes in the way of one vendor."""
    patient = visit.patient
    header = (
        f"SV10 Patient={patient.name} Born={patient.birth_date} ID={patient.patient_id} Device={visit.serial}".encode()
    )
    block = ds.private_block(0x0019, "SIEMENS CT VA0  COAD", create=True)
    block.add_new(0xB0, "DS", "0")  # Feed per Rotation: harmless, and not on the list of PS3.15
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x08, "CS", "CT")
    block.add_new(0x10, "OB", header + b"\0" * (len(header) % 2))
    inner = Dataset()
    inner_block = inner.private_block(0x0029, "SIEMENS MEDCOM HEADER", create=True)
    inner_block.add_new(0x42, "LO", f"Worklist {patient.patient_id}")
    inner.PatientName = patient.name
    inner.ReferencedSOPInstanceUID = previous
    block = ds.private_block(0x0029, "SIEMENS MEDCOM HEADER", create=True)
    block.add_new(0x40, "SQ", [inner])


def add_ge(ds: Dataset, visit: Visit) -> None:
    """Add private attributes in the way of another vendor."""
    block = ds.private_block(0x0009, "GEMS_IDEN_01", create=True)
    block.add_new(0x02, "SH", f"{visit.station[3:]} NOWHERE")
    made = datetime.strptime(visit.date + visit.utc_offset, "%Y%m%d%z") + timedelta(seconds=visit.start + 60)
    block.add_new(0x27, "SL", int(made.timestamp()))  # Image actual date, in seconds since 1970
    block.add_new(0xE3, "UI", f"{ROOT}.{visit.serial}")
    block = ds.private_block(0x0019, "GEMS_ACQU_01", create=True)
    block.add_new(0x23, "DS", "39.37")  # Table Speed: on the list of PS3.15, Table E.3.10-1
    block = ds.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x61, "UI", visit.study)
    block.add_new(0x62, "SH", visit.study_id)


def save(dataset: Dataset, path: str | os.PathLike) -> Path:
    """Write a file, and return its path.

    It gets its name only when it is complete, so that a killed build leaves no half file under a good name.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    dataset.save_as(unfinished, enforce_file_format=True)
    unfinished.replace(path)
    return path
